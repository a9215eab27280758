// A panel's keys are its own: JupyterLab would take a letter in a list, or an arrow, for a command of the
// notebook. It asks the element that has the focus, so each control says no for itself.

const CONTROLS = "a, button, input, select, textarea, [tabindex]";

function render({ el }) {
  let watcher = null, left = false;
  const begin = () => {
    if (left) return;
    const panel = el.closest(".vtlab-panel");
    if (!panel) return requestAnimationFrame(begin); // not on the page yet
    const mark = () =>
      panel.querySelectorAll(CONTROLS).forEach((one) => one.setAttribute("data-lm-suppress-shortcuts", "true"));
    mark();
    watcher = new MutationObserver(mark);
    watcher.observe(panel, { childList: true, subtree: true });
  };
  begin();
  return () => {
    left = true;
    watcher?.disconnect();
  };
}

export default { render };
