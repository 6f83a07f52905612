from typing import assert_type

import greenroom

assert_type(greenroom.__version__, str)
