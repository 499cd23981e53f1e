"""The one keyword store of services."""
from core.keywords import KeywordStore

KEYS = KeywordStore()
