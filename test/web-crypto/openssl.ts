// SPDX-License-Identifier: MIT

// The program openssl, which checks what a card has made, and makes what a card is to undo.

import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** Bytes in PEM. */
export function pem(label: string, der: Uint8Array): string {
  return `-----BEGIN ${label}-----\n${Buffer.from(der).toString("base64")}\n-----END ${label}-----\n`;
}

/** Runs openssl over files in a folder of its own. */
export class OpenSsl implements Disposable {
  readonly folder: string = mkdtempSync(join(tmpdir(), "scard-web-crypto-"));

  /** Writes a file, and tells its path. */
  file(name: string, content: Uint8Array | string): string {
    const path = join(this.folder, name);
    writeFileSync(path, content);
    return path;
  }

  read(name: string): Uint8Array {
    return new Uint8Array(readFileSync(join(this.folder, name)));
  }

  /** What it prints. @throws where its status is not 0 */
  run(...args: string[]): string {
    return execFileSync("openssl", args, { cwd: this.folder, encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] });
  }

  /** Makes an authority that can sign certificates: its key is in `ca.key`, its certificate in `ca.pem`. */
  makeAuthority(): void {
    const files = ["-keyout", "ca.key", "-out", "ca.pem", "-subj", "/CN=Authority"];
    this.run("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "100", ...files);
  }

  /** Its status, and all that it prints. */
  tried(...args: string[]): { readonly status: number | null; readonly text: string } {
    const { status, stderr, stdout } = spawnSync("openssl", args, { cwd: this.folder, encoding: "utf8" });
    return { status, text: stdout + stderr };
  }

  /** Whether a signature is that of this data: ECDSA in DER, RSA with PSS where `salt` is given. */
  verifies(
    spki: Uint8Array,
    data: Uint8Array,
    signature: Uint8Array,
    hash: string | undefined,
    salt?: number,
  ): boolean {
    this.file("key.pem", pem("PUBLIC KEY", spki));
    this.file("data", data);
    this.file("signature", signature);
    if (hash === undefined) {
      const given = ["-pubin", "-inkey", "key.pem", "-rawin", "-in", "data", "-sigfile", "signature"];
      return this.tried("pkeyutl", "-verify", ...given).status === 0;
    }
    const padding = salt === undefined ? [] : ["-sigopt", "rsa_padding_mode:pss", "-sigopt", `rsa_pss_saltlen:${salt}`];
    return (
      this.tried("dgst", `-${hash}`, ...padding, "-verify", "key.pem", "-signature", "signature", "data").status === 0
    );
  }

  /** Encrypts for an RSA key: with OAEP where a hash is given, else with PKCS #1 v1.5. */
  encrypt(spki: Uint8Array, data: Uint8Array, hash?: string): Uint8Array {
    this.file("key.pem", pem("PUBLIC KEY", spki));
    this.file("data", data);
    const mode = hash === undefined ? ["rsa_padding_mode:pkcs1"] : ["rsa_padding_mode:oaep", `rsa_oaep_md:${hash}`];
    const options = mode.flatMap((option) => ["-pkeyopt", option]);
    this.run("pkeyutl", "-encrypt", "-pubin", "-inkey", "key.pem", ...options, "-in", "data", "-out", "encrypted");
    return this.read("encrypted");
  }

  /** The secret that the owner of a private key, given in PKCS #8, shares with a public key. */
  derive(pkcs8: Uint8Array, spki: Uint8Array): Uint8Array {
    this.file("own.pem", pem("PRIVATE KEY", pkcs8));
    this.file("peer.pem", pem("PUBLIC KEY", spki));
    this.run("pkeyutl", "-derive", "-inkey", "own.pem", "-peerkey", "peer.pem", "-out", "secret");
    return this.read("secret");
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
