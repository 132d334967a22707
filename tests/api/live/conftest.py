"""The live feed is heard on the service that the tests of the pages share."""

from tests.pages.conftest import running, site, site_database, tenant

__all__ = ["running", "site", "site_database", "tenant"]
