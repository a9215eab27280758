"""vtlab: given a pretrained vision model and a small data set, what should be trained?

The names below are all a lesson needs; each is imported when it is first used.
"""

from importlib import import_module

__version__ = "0.1.0"

_HOME = {
    "task": "tasks", "Task": "tasks", "Images": "tasks", "pixel_neighbour": "tasks",
    "backbone": "backbones", "Network": "network",
    "Strategy": "strategies", "scratch": "strategies", "probe": "strategies",
    "partial": "strategies", "full": "strategies", "lp_ft": "strategies",
    "surgical": "strategies", "strategy": "strategies", "FOUR": "strategies",
    "Augment": "augment", "augment_with": "augment", "augmentation_table": "augmentation",
    "probe_on_views": "augmentation", "predict_views": "augmentation",
    "fit": "training", "checkpointed": "checkpoints",
    "save": "models", "load": "models",
    "activations": "features", "predict": "features", "evaluate": "features",
    "mean_absolute_error": "features",
    "probe_grid": "probes",
    "grad_cam": "attribution",
    "cost_table": "costs", "calibrate": "costs", "measured_step": "costs",
    "training_operations": "costs",
    "snapshot": "diagnose", "movement": "diagnose",
    "linear_cka": "diagnose", "likeness": "diagnose", "drift_table": "drift",
    "explain": "attribution", "cam_scores": "attribution",
    "recommend": "advice",
    "compare": "study", "Setting": "study", "Study": "study",
    "shots_table": "sweeps", "zoo_table": "zoo", "zoo_curves": "zoo",
    "watch": "attribution.timeline",
    "cam_table": "cam_tables",
    "table": "records", "epochs_table": "records",
    "interval": "metrics", "t_interval": "metrics", "paired_difference": "metrics",
    "accuracy": "metrics", "confusion": "metrics", "shots_to_reach": "metrics",
    "plot_accuracy": "plots", "plot_shots": "plots", "plot_curves": "plots",
    "plot_images": "plots", "plot_confusion": "plots", "plot_cams": "plots",
    "plot_mistakes": "plots", "plot_zoo": "plots", "plot_work": "plots",
    "plot_range": "plots", "plot_drift": "plots", "rate_range": "ranges",
    "plot_movement": "plots",
    "plot_cam_scores": "plots", "plot_cascade": "plots",
    "ComparePanel": "widgets",
    "plot_training": "plots", "plot_costs": "plots",
    "plot_guess": "plots", "plot_ways": "plots", "plot_views": "plots",
    "plot_starts": "plots",
    "real_table": "real", "resampled_interval": "metrics",
    "heads_table": "heads", "depth_table": "depth",
    "with_adapters": "adapters", "adapter_names": "adapters",
    "plot_depth": "plots", "plot_shifts": "plots", "plot_weights": "plots",
    "anatomy": "inside", "receptive_fields": "fields", "sensitivity": "inside",
    "responses": "inside", "neighbours": "inside", "two_axes": "inside",
    "gradient_lengths": "gradients", "deep_stack": "gradients",
    "plot_families": "plots", "plot_fields": "plots", "plot_maps": "plots",
    "plot_patches": "plots", "plot_stages": "plots", "plot_axes": "plots", "plot_gradients": "plots",
    "TrainPanel": "widgets", "TaskPanel": "widgets",
    "FreezePanel": "widgets", "CamPanel": "widgets", "GuessPanel": "widgets",
    "UploadPanel": "widgets",
    "begin": "lesson", "guess": "lesson", "claim": "lesson", "check": "lesson",
}  # fmt: skip

__all__ = sorted(_HOME)


def __getattr__(name: str) -> object:
    """Import a public name from its module when it is first asked for (PEP 562)."""
    if name not in _HOME:
        raise AttributeError(f"vtlab has no {name!r}")
    value = getattr(import_module(f"vtlab.{_HOME[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return __all__
