// SPDX-License-Identifier: MIT

// The examples of nfc-pcsc are written for Babel: they leave extensions out, and import the package's source and a logger
// that needs packages of its own. Here they get its build, and the other logger that is in the package.

export async function resolve(specifier, context, next) {
  if (specifier === "../src/index") return next("../dist/index.js", context);
  if (specifier === "./pretty-logger") return { ...(await next("./mini-logger.js", context)), format: "module" };
  return next(specifier, context);
}

export async function load(url, context, next) {
  return next(url, url.includes("/nfc-pcsc/examples/") ? { ...context, format: "module" } : context);
}
