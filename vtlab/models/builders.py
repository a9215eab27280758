"""Functions that build a network of one's own: found by name, called with a seed."""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable
from pathlib import Path

from torch import nn

from vtlab.system.randomness import every_seed

Builder = Callable[[], nn.Module]


def is_builder_name(name: str) -> bool:
    """Whether a backbone's name says where a function that builds it stands: `package.module:function`."""
    return ":" in name and not name.startswith("timm:")


def find_builder(name: str) -> Builder:
    """The function that a name such as `package.module:function` or `folder/file.py:function` stands for.

    Raises:
        ValueError: If there is no such file, module or function, or it fails when it is imported.
    """
    where, _, function = name.rpartition(":")
    try:
        if where.endswith(".py"):
            path = Path(where).resolve()
            if not path.is_file():
                raise ValueError(f"there is no file {where}")
            spec = importlib.util.spec_from_file_location(path.stem, path)
            assert spec is not None and spec.loader is not None
            module = importlib.util.module_from_spec(spec)
            sys.modules.setdefault(path.stem, module)  # by which its classes are found again
            spec.loader.exec_module(module)
        else:
            here = str(Path.cwd())
            if here not in sys.path:  # a command does not look there by itself
                sys.path.insert(0, here)
            module = importlib.import_module(where)
        built = getattr(module, function)
    except ValueError:
        raise
    except Exception as error:  # of the user's own code
        raise ValueError(f"no network was found at {name!r}: {_one_line(error)}") from error
    if not callable(built):
        raise ValueError(
            f"{name!r} is a {type(built).__name__}, not a function that builds a network"
        )
    return built


def build_module(builder: Builder, name: str, seed: int = 0) -> nn.Module:
    """What a function builds, its random weights from a seed.

    Raises:
        ValueError: If it fails, or gives no module.
    """
    try:
        with every_seed(seed):
            module = builder()
    except Exception as error:  # of the user's own code
        raise ValueError(f"{name} could not be built: {_one_line(error)}") from error
    if not isinstance(module, nn.Module):
        raise ValueError(f"{name} gives a {type(module).__name__}, not a torch.nn.Module")
    return module


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split()) or type(error).__name__
