from tests.portal.conftest import mia, near_now, nora, shop

__all__ = ["mia", "near_now", "nora", "shop"]
