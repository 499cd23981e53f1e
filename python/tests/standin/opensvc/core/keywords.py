"""The keyword store: `KEYS.sections[group].data[(driver, keyword)]`."""


class Keyword(object):
    def __init__(self, section, keyword, rtype=None, required=False, at=False, default=None,
                 default_text=None, candidates=None, strict_candidates=True, convert=None,
                 text="", example=None):
        self.section = section
        self.keyword = keyword
        self.rtype = rtype
        self.required = required
        self.at = at
        self.default = default
        self.default_text = default_text
        self.candidates = candidates
        self.strict_candidates = strict_candidates
        self.convert = convert
        self.text = text
        self.example = example


class Section(object):
    def __init__(self):
        self.data = {}


class KeywordStore(object):
    def __init__(self):
        self.sections = {}

    def register_driver(self, group, driver, name=None, keywords=None):
        """Adds keywords; the first registration of a keyword wins."""
        section = self.sections.setdefault(group, Section())
        for entry in [{"keyword": "type", "default": driver, "candidates": [driver]}] + keywords:
            key = Keyword(group, rtype=driver, **entry)
            section.data.setdefault((driver, key.keyword), key)
