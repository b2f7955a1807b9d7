"""Recipes: what a task takes for every setting that is not given. They stand beside their tasks
(`Task.recipe`) as files of settings, whose `options` are by method.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auxdrive.errors import UsageError

from auxdrive_train.engine.yaml_text import read_yaml
from auxdrive_train.tasks import TASKS


def recipe_of(task: str) -> dict[str, Any]:
    """The recipe of a task, a fresh copy; empty where it has none.

    Raises:
        UsageError: there is no such task.
        ConfigError: its file is no YAML of settings.
    """
    file = TASKS[task].recipe
    return {} if file is None else read_yaml(file)


def with_recipe(values: Mapping[str, Any], task: object, method: object) -> dict[str, Any]:
    """The settings, and the recipe's of the task where they say nothing: groups key by key, options
    those of the method.

    Args:
        values: what is given.
        task: its name; nothing is added where there is no such task.
        method: its name.
    """
    try:
        recipe = recipe_of(task) if isinstance(task, str) else {}
    except UsageError:
        return dict(values)
    options = recipe.pop("options", {})
    if isinstance(method, str) and method in options:
        recipe["options"] = options[method]
    return _over(recipe, values)


def _over(recipe: Mapping[str, Any], values: Mapping[str, Any]) -> dict[str, Any]:
    merged = {**recipe, **values}
    for key, below in recipe.items():
        above = values.get(key)
        if isinstance(below, Mapping) and isinstance(above, Mapping):
            merged[key] = _over(below, above)
    return merged
