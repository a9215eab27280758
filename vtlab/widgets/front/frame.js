// A panel's keys are its own: JupyterLab would take a letter in a list, or an arrow, for a command of the
// notebook. It asks the element that has the focus, so each control says no for itself.

const CONTROLS = "a, button, input, select, textarea, [tabindex]";

function render({ el }) {
  let watcher = null;
  const begin = () => {
    const panel = el.closest(".vtlab-panel");
    if (!panel) return;
    const mark = () =>
      panel.querySelectorAll(CONTROLS).forEach((one) => one.setAttribute("data-lm-suppress-shortcuts", "true"));
    mark();
    watcher = new MutationObserver(mark);
    watcher.observe(panel, { childList: true, subtree: true });
  };
  requestAnimationFrame(begin); // the panel is on the page by then
  return () => watcher && watcher.disconnect();
}

export default { render };
