// SPDX-License-Identifier: MIT

/** An optional package is installed, and cannot be used all the same; the message says why and what to do. */
export class BrokenPackage extends Error {
  override readonly name: string = "BrokenPackage";
}

/**
 * What is wrong with an optional package that could not be loaded; undefined where it is not installed.
 *
 * @param name the package @param error what loading it failed with
 */
export function packageFailure(
  name: string,
  error: unknown,
  platform: string = process.platform,
): BrokenPackage | undefined {
  const message = messageOf(error);
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "MODULE_NOT_FOUND" || code === "ERR_MODULE_NOT_FOUND") {
    const [, missing = message] = /^Cannot find (?:package|module) '([^']+)'/.exec(message) ?? [];
    if (missing === name) return undefined;
    const how = missing.startsWith("@")
      ? "the package manager left out what is optional, or installed for another machine: npm install --include=optional"
      : "install it again";
    return new BrokenPackage(`${name} is installed without ${missing}; ${how}`, { cause: error });
  }
  // A loader's message has the path in a second line.
  const reason = message
    .trim()
    .split(/\s*\r?\n\s*/)
    .join(": ");
  const remedy =
    platform === "win32" && code === "ERR_DLOPEN_FAILED"
      ? "; if a module is not found, Microsoft's Visual C++ Redistributable may be missing"
      : "";
  return new BrokenPackage(`${name} is installed, but cannot be loaded: ${reason}${remedy}`, { cause: error });
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
