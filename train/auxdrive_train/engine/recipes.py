"""Recipes: a task's own defaults for settings that are not given.

A recipe is a YAML file beside its task (`Task.recipe`). Under `options` it has one group per
method.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from auxdrive.errors import UsageError
from auxdrive.strict import merged
from auxdrive.strict_yaml import read_yaml

from auxdrive_train.tasks import TASKS


def recipe_of(task: str) -> dict[str, Any]:
    """A fresh copy of a task's recipe; empty if it has none.

    Raises:
        UsageError: there is no such task.
        ConfigError: the recipe's file is not a YAML file of settings.
    """
    file = TASKS[task].recipe
    return {} if file is None else read_yaml(file)


def with_recipe(values: Mapping[str, Any], task: object, method: object) -> dict[str, Any]:
    """The given settings, completed by the task's recipe: groups are merged key by key, and of the
    recipe's options only those of the method are taken.

    Args:
        values: the given settings.
        task: the task's name; an unknown task adds nothing.
        method: the method's name.
    """
    try:
        recipe = recipe_of(task) if isinstance(task, str) else {}
    except UsageError:
        return dict(values)
    options = recipe.pop("options", {})
    if isinstance(method, str) and method in options:
        recipe["options"] = options[method]
    return merged(recipe, values)
