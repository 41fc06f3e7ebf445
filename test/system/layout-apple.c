// SPDX-License-Identifier: MIT

#define APPLE
#include "layout.c"
