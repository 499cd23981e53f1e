"""Conversions of a keyword's text, with the agent's failures."""
import json


def convert_integer(text):
    try:
        return None if text is None else int(float(text))
    except ValueError:
        return None


def convert_boolean(text):
    if str(text).lower() in ("yes", "y", "true", "t", "1"):
        return True
    if str(text).lower() in ("no", "n", "false", "f", "0", "none"):
        return False
    raise ValueError("convert boolean error: %s" % text)


def convert_tristate(text):
    return None if text is None else convert_boolean(text)


def convert_duration(text):
    if text is None or str(text).isdigit():
        return None if text is None else int(text)
    if text[:-1].isdigit() and text[-1] in "smhd":
        return int(text[:-1]) * {"s": 1, "m": 60, "h": 3600, "d": 86400}[text[-1]]
    raise ValueError("convert duration error: %s" % text)


def convert_list(text):
    return text if isinstance(text, list) else (text or "").split()


def convert_json(text):
    try:
        return json.loads(text)
    except Exception:
        return None
