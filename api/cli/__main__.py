"""`python -m api.cli`, as a supervisor starts its roles."""

import sys

from api.cli import main

sys.exit(main())
