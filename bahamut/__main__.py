"""``python -m bahamut``."""

from bahamut.cli import main

raise SystemExit(main())
