// SPDX-License-Identifier: MIT

// Loaded before the program: the environment that the test gives it. Threads and child processes load it again.

const { SCARD_TEST_ENVIRONMENT } = process.env;
delete process.env.SCARD_TEST_ENVIRONMENT;
if (SCARD_TEST_ENVIRONMENT !== undefined) Object.assign(process.env, JSON.parse(SCARD_TEST_ENVIRONMENT));
