"""vtlab: given a pretrained vision model and a small data set, what should be trained?

The names below are the front door; what belongs together stands in a namespace (`vt.plots`, `vt.metrics`,
`vt.analysis` …). Each is imported when it is first used, so that `import vtlab` stays light.
"""

from importlib import import_module
from warnings import warn

__version__ = "0.2.0"

# public name: its module; `__init__.pyi` says the same to editors (tests/test_front_door.py)
_HOME = {
    "task": "data.tasks",
    "Task": "data.tasks",
    "Images": "data.images",
    "pixel_neighbour": "data.baselines",
    "Augment": "data.augment",
    "augment_with": "data.augment",
    "backbone": "models.backbones",
    "Network": "models.network",
    "activations": "models.features",
    "predict": "models.evaluation",
    "evaluate": "models.evaluation",
    "mean_absolute_error": "models.evaluation",
    "Strategy": "training.strategies",
    "FOUR": "training.strategies",
    "scratch": "training.strategies",
    "probe": "training.strategies",
    "partial": "training.strategies",
    "full": "training.strategies",
    "lp_ft": "training.strategies",
    "surgical": "training.strategies",
    "plain": "training.strategies",
    "strategy": "training.strategies",
    "fit": "training.fit",
    "checkpointed": "training.checkpoints",
    "save": "training.saving",
    "load": "training.saving",
    "probe_grid": "training.probe",
    "grad_cam": "analysis.cams",
    "explain": "analysis.cams",
    "compare": "study.compare",
    "Setting": "study.setting",
    "Study": "study.study",
    "recommend": "study.recommend",
    "starts": "study.starts",
    "RacePanel": "widgets.race",
    "TrainPanel": "widgets.train",
    "TaskPanel": "widgets.task",
    "FreezePanel": "widgets.freeze",
    "CamPanel": "widgets.cam",
    "ComparePanel": "widgets.compare",
    "UploadPanel": "widgets.upload",
    "GuessPanel": "course.guess",
    "begin": "course.lesson",
    "guess": "course.guess",
    "claim": "course.lesson",
    "check": "course.exercise",
}

# namespace: its module
_NAMESPACES = {
    "plots": "plots",
    "analysis": "analysis",
    "metrics": "results.metrics",
    "records": "results.records",
    "costs": "training.costs",
    "rates": "training.rates",
    "adapters": "models.adapters",
    "course": "course",
}

# names of version 0.1 and where they are now; they go with version 0.3
_RENAMED = {
    "plot_accuracy": "plots.accuracy",
    "plot_shots": "plots.shots",
    "plot_ways": "plots.intervals",
    "plot_costs": "plots.costs",
    "plot_movement": "plots.movement",
    "plot_cams": "plots.cams",
    "plot_confusion": "plots.confusion",
    "plot_images": "plots.images",
    "plot_mistakes": "plots.mistakes",
    "plot_views": "plots.image_rows",
    "plot_axes": "plots.scatter",
    "plot_families": "plots.anatomy",
    "plot_fields": "plots.receptive_fields",
    "plot_gradients": "plots.gradients",
    "plot_maps": "plots.feature_maps",
    "plot_patches": "plots.patches",
    "plot_stages": "plots.stages",
    "plot_curves": "plots.curves",
    "plot_range": "plots.rate_range",
    "plot_training": "plots.training",
    "interval": "metrics.interval",
    "t_interval": "metrics.t_interval",
    "resampled_interval": "metrics.resampled_interval",
    "paired_difference": "metrics.paired_difference",
    "accuracy": "metrics.accuracy",
    "confusion": "metrics.confusion",
    "shots_to_reach": "metrics.shots_to_reach",
    "cam_scores": "analysis.cam_scores",
    "snapshot": "analysis.take_snapshot",
    "movement": "analysis.measure_movement",
    "linear_cka": "analysis.linear_cka",
    "likeness": "analysis.measure_similarity",
    "anatomy": "analysis.anatomy",
    "receptive_fields": "analysis.receptive_fields",
    "sensitivity": "analysis.gradient_sensitivity",
    "responses": "analysis.measure_responses",
    "neighbours": "analysis.neighbour_accuracy",
    "two_axes": "analysis.project_to_plane",
    "cost_table": "costs.cost_table",
    "calibrate": "costs.calibrate_costs",
    "measured_step": "costs.measure_step",
    "training_operations": "costs.count_training_operations",
    "rate_range": "rates.rate_range",
    "with_adapters": "adapters.with_adapters",
    "adapter_names": "adapters.adapter_names",
    "table": "records.runs_to_table",
    "epochs_table": "records.epochs_to_table",
    "augmentation_table": "course.lesson_08.augmentation_table",
    "drift_table": "course.lesson_07.drift_table",
    "shots_table": "course.tables.shots_table",
    "zoo_table": "course.lesson_02.zoo_table",
    "watch": "course.lesson_09.explain_each_epoch",
    "cam_table": "course.lesson_09.cam_table",
    "plot_work": "course.lesson_05.plot_work",
    "plot_drift": "course.lesson_07.plot_drift",
    "plot_cam_scores": "course.lesson_09.plot_cam_scores",
    "plot_cascade": "course.lesson_09.plot_cascade",
    "plot_starts": "course.lesson_16.plot_starts",
    "real_table": "course.lesson_16.real_table",
    "heads_table": "course.lesson_03.heads_table",
    "depth_table": "course.lesson_06.depth_table",
    "plot_depth": "course.lesson_06.plot_unfreezing_depth",
    "plot_shifts": "course.lesson_06.plot_repairs",
    "deep_stack": "course.lesson_02.deep_stack",
    "predict_views": "course.lesson_08.predict_views",
    "probe_on_views": "course.lesson_08.probe_on_views",
    "plot_guess": "course.guess.plot_guess",
}

__all__ = sorted([*_HOME, *_NAMESPACES])


def __getattr__(name: str) -> object:
    """Import a public name from its module when it is first asked for (PEP 562)."""
    if name in _NAMESPACES:
        value: object = import_module(f"vtlab.{_NAMESPACES[name]}")
    elif name in _HOME:
        value = getattr(import_module(f"vtlab.{_HOME[name]}"), name)
    elif name in _RENAMED:
        module, _, new = _RENAMED[name].rpartition(".")
        warn(f"vt.{name} is now vt.{_RENAMED[name]}", DeprecationWarning, stacklevel=2)
        return getattr(import_module(f"vtlab.{_NAMESPACES.get(module, module)}"), new)
    else:
        raise AttributeError(f"vtlab has no {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    """The public names."""
    return __all__
