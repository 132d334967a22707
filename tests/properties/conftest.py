"""How the property tests are run: a busy machine is no failure."""

from hypothesis import HealthCheck, settings

settings.register_profile(
    "backstory", deadline=None, print_blob=True, suppress_health_check=[HealthCheck.too_slow]
)
settings.load_profile("backstory")
