// SPDX-License-Identifier: MIT

#include "dll.h"

// What no winscard.dll has: the test is asked to move a card or a reader. Node's own sockets cannot connect under Wine.
EXPORTED TestMove(LPCWSTR move) {
  CHECK(text("TestMove", "move", move));
  Call call = begin("TestMove");
  putText(&call, move);
  return end(&call, ask(&call));
}
