"""Packages that only some of the program needs."""

import importlib
import logging

from jdstyle.errors import InputError


def require(module):
    """Imports a module of the extra `export`, or says how to install it.

    Raises:
        InputError: if it is not installed.
    """
    handlers = list(logging.root.handlers)
    try:
        return importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise InputError(
            f"{error.name} is not installed. It comes with: "
            "pip install 'jdstyle[export]'"
        ) from None
    finally:
        # Some put a handler there that prints every package's log.
        logging.root.handlers[:] = handlers
