# SPDX-License-Identifier: MIT
#
# vicc imports PyCrypto under its old name, `Crypto`. Debian has PyCryptodome instead, and names it `Cryptodome` so that
# the two could be installed together. This package has the old name and the modules of the new one.

import Cryptodome

__path__ = Cryptodome.__path__
