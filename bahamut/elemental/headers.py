"""Names of headers, in the form that aiohttp's multi-dictionaries find without folding their case.

They are texts like any other, for whatever else holds headers.
"""

from multidict import istr

ACCEPT = istr("Accept")
ACCEPT_ENCODING = istr("Accept-Encoding")
AUTHORIZATION = istr("Authorization")
CONTENT_TYPE = istr("Content-Type")
EXPECT = istr("Expect")
HOST = istr("Host")
ORIGIN = istr("Origin")
TRANSFER_ENCODING = istr("Transfer-Encoding")
UPGRADE = istr("Upgrade")
X_EXTERNAL_TRACKING_ID = istr("X-External-Tracking-ID")
X_EXTERNAL_TRACKING_TYPE = istr("X-External-Tracking-Type")
X_FIELDS = istr("X-Fields")
X_NAMESPACE = istr("X-Namespace")
