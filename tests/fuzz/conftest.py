"""How long to search: BAHAMUT_FUZZ_EXAMPLES examples of each property."""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "fuzz",
    max_examples=int(os.environ.get("BAHAMUT_FUZZ_EXAMPLES", "2000")),
    deadline=None,  # slow machines are no bugs
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
    print_blob=True,
)
settings.load_profile("fuzz")
