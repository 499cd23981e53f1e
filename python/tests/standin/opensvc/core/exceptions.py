"""The exceptions that the interface raises."""


class Error(Exception):
    pass


class OptNotFound(Exception):
    default = None


class RequiredOptNotFound(Exception):
    pass
