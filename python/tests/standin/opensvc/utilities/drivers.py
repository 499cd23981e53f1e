"""Imports a driver: the file of the system first, then the driver itself."""
import importlib
import platform


def driver_import(group, driver):
    name = "drivers.resource.%s.%s" % (group, driver)
    for module in ("%s.%s" % (name, platform.system().lower()), name):
        try:
            return importlib.import_module(module)
        except ImportError:
            pass
    raise ImportError(name)


def driver_class(module):
    return getattr(module, module.DRIVER_GROUP.capitalize() + module.DRIVER_BASENAME.capitalize())
