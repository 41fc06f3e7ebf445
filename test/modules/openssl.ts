// SPDX-License-Identifier: MIT

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { run } from "../peers/program.ts";

/** The program openssl, in a folder of its own. */
export class Openssl {
  readonly #folder = mkdtempSync(join(tmpdir(), "scard-openssl-"));

  /** Whether it takes the signature. `options` are those of `openssl dgst`; without a hash the key hashes itself. */
  async verifies(spki: Uint8Array, data: Uint8Array, signature: Uint8Array, how: VerifyOptions = {}): Promise<boolean> {
    const [key, signed, made] = [this.#key(spki), this.#file("data", data), this.#file("signature", signature)];
    const { hash, pssSaltBytes } = how;
    const padding =
      pssSaltBytes === undefined
        ? []
        : ["-sigopt", "rsa_padding_mode:pss", "-sigopt", `rsa_pss_saltlen:${pssSaltBytes}`];
    const { status } =
      hash === undefined
        ? await this.#run("pkeyutl", "-verify", "-pubin", "-inkey", key, "-rawin", "-in", signed, "-sigfile", made)
        : await this.#run("dgst", `-${hash}`, "-verify", key, ...padding, "-signature", made, signed);
    return status === 0;
  }

  /** Encrypts with an RSA key. */
  async encrypt(spki: Uint8Array, data: Uint8Array, oaepHash?: string): Promise<Uint8Array> {
    const padding =
      oaepHash === undefined
        ? ["-pkeyopt", "rsa_padding_mode:pkcs1"]
        : ["-pkeyopt", "rsa_padding_mode:oaep", "-pkeyopt", `rsa_oaep_md:${oaepHash}`];
    const [input, output] = [this.#file("plain", data), join(this.#folder, "encrypted")];
    const args = ["pkeyutl", "-encrypt", "-pubin", "-inkey", this.#key(spki), ...padding, "-in", input, "-out", output];
    await this.#done(...args);
    return new Uint8Array(readFileSync(output));
  }

  /** Makes a key on the curve, and derives a secret with the other side's. */
  async derive(
    spki: Uint8Array,
    curve: string,
  ): Promise<{ readonly publicKey: Uint8Array; readonly secret: Uint8Array }> {
    const [key, publicKey, secret] = ["own.pem", "own.der", "secret"].map((name) => join(this.#folder, name)) as [
      string,
      string,
      string,
    ];
    const kind = curve === "X25519" ? [curve] : ["EC", "-pkeyopt", `ec_paramgen_curve:${curve}`];
    await this.#done("genpkey", "-algorithm", ...kind, "-out", key);
    await this.#done("pkey", "-in", key, "-pubout", "-outform", "DER", "-out", publicKey);
    await this.#done("pkeyutl", "-derive", "-inkey", key, "-peerkey", this.#key(spki), "-out", secret);
    return { publicKey: new Uint8Array(readFileSync(publicKey)), secret: new Uint8Array(readFileSync(secret)) };
  }

  close(): void {
    rmSync(this.#folder, { recursive: true });
  }

  #key(spki: Uint8Array): string {
    const body = Buffer.from(spki).toString("base64");
    return this.#file("key.pem", `-----BEGIN PUBLIC KEY-----\n${body}\n-----END PUBLIC KEY-----\n`);
  }

  #file(name: string, content: Uint8Array | string): string {
    const path = join(this.#folder, name);
    writeFileSync(path, content);
    return path;
  }

  async #done(...args: readonly string[]): Promise<void> {
    const { status, stderr } = await this.#run(...args);
    if (status !== 0) throw new Error(`openssl ${args[0]}: ${stderr}`);
  }

  #run(...args: readonly string[]) {
    return run("openssl", args);
  }
}

interface VerifyOptions {
  readonly hash?: string;
  readonly pssSaltBytes?: number;
}
