// SPDX-License-Identifier: MIT

// The declarations as other people's compilers see them: each release of TypeScript from 5.4 on, with and without the types
// of Node and of the DOM, with libraries checked; and every type that they need has a name that can be imported.

import { execFile } from "node:child_process";
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { homedir, tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PATIENCE_MS } from "../patience.ts";
import { describePeer, type PeerProgram } from "../peers/peers.ts";

const root = fileURLToPath(new URL("../..", import.meta.url));
const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "scard-peers/typescript/node_modules");
const manifest = JSON.parse(readFileSync(join(root, "package.json"), "utf8"));
const subpaths = Object.keys(manifest.exports).filter((subpath) => subpath !== "./package.json");

let folder = "";
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "scard-types-"));
  const installed = join(folder, "node_modules/scard");
  mkdirSync(installed, { recursive: true });
  cpSync(join(root, "dist"), join(installed, "dist"), { recursive: true });
  cpSync(join(root, "package.json"), join(installed, "package.json"));
  // Only @types/node and what it imports: where they are not asked for they must not be needed.
  mkdirSync(join(folder, "types"));
  symlinkSync(join(root, "node_modules/@types/node"), join(folder, "types/node"));
  writeFileSync(join(folder, "package.json"), '{ "private": true, "type": "module" }\n');
  const imports = subpaths.map((subpath, index) => `import * as room${index} from "scard${subpath.slice(1)}";`);
  const program = `
import { type Connection, openManager, SmartCardError, watchReaders } from "scard";

export const rooms: readonly object[] = [${subpaths.map((_, index) => `room${index}`).join(", ")}];
export async function read(card: Connection): Promise<number> {
  const { sw } = await card.transaction(() => card.send({ cla: 0, ins: 0xa4, p1: 4, p2: 0 }), { onReset: "reconnect" });
  return sw;
}
export async function first(): Promise<string> {
  const opened = await openManager("embedded:virtual+demo");
  for await (const event of watchReaders(opened.manager)) if (event.kind === "card-inserted") return event.reader;
  throw new SmartCardError("no-smartcard", "none");
}
`;
  writeFileSync(join(folder, "consumer.ts"), imports.join("\n") + program);
  // What libraries with the types of the DOM are given.
  const page = `
import { createSmartCard, SmartCardContext, SmartCardError } from "scard/web";
import type { CardCryptoKey, CardWebCrypto } from "scard/web-crypto";

export async function readers(signal: AbortSignal, timeout: DOMHighResTimeStamp): Promise<[string[], BufferSource]> {
  const context = await createSmartCard().establishContext();
  if (!(context instanceof SmartCardContext)) throw new Error("no context");
  await context.getStatusChange([{ readerName: "Desk", currentState: {} }], { signal, timeout });
  const { connection } = await context.connect("Desk", "shared", { preferredProtocols: ["t1"] });
  await connection.startTransaction(async () => "reset", { signal });
  const source: BufferSource = new Uint8Array(4);
  return [await context.listReaders(), await connection.transmit(source)];
}
export function codeOf(error: unknown): DOMException | string {
  return error instanceof SmartCardError && error.responseCode === "no-service" ? error : "other";
}

export function inPage(card: CardWebCrypto, key: CardCryptoKey): [Crypto, SubtleCrypto, CryptoKey] {
  return [card, card, key];
}
export async function used(card: CardWebCrypto, host: CryptoKey): Promise<[CryptoKey, CryptoKeyPair, JsonWebKey]> {
  const { publicKey } = await card.keyPair("9A", { name: "RSA-PSS", hash: { name: "SHA-256" } });
  await crypto.subtle.verify("RSA-PSS", publicKey, new Uint8Array(1), new Uint8Array(1));
  await card.verify({ name: "RSA-PSS", saltLength: 32 }, host, new Uint8Array(1), new Uint8Array(1));
  const pair = await card.generateKey({ name: "ECDSA", namedCurve: "P-256" }, false, ["sign"]);
  const secret: CryptoKey = await card.generateKey({ name: "AES-GCM", length: 256 }, false, ["encrypt"]);
  return [secret, pair, await card.exportKey("jwk", host)];
}
`;
  writeFileSync(join(folder, "page.ts"), page);
});
afterAll(() => rmSync(folder, { recursive: true, force: true }));

interface Setting {
  readonly lib: readonly string[];
  readonly module: string;
  readonly types: readonly string[];
}

/** What a compiler says of the program: nothing where all is well. */
async function compile(compiler: string, { lib, module, types }: Setting): Promise<string> {
  const isBundled = module === "bundler";
  const compilerOptions = {
    target: "es2022",
    lib,
    module: isBundled ? "esnext" : module,
    moduleResolution: module,
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    types,
    typeRoots: ["types"],
    noEmit: true,
  };
  const file = join(folder, `tsconfig-${module}-${types.length}-${lib.length}.json`);
  writeFileSync(
    file,
    JSON.stringify({ compilerOptions, files: ["consumer.ts", ...(lib.includes("dom") ? ["page.ts"] : [])] }),
  );
  const options = { cwd: folder, timeout: PATIENCE_MS };
  return promisify(execFile)(process.execPath, [compiler, "-p", file], options).then(
    () => "",
    (error: { stdout?: string; message: string }) => error.stdout || error.message,
  );
}

const settings: readonly Setting[] = [
  { module: "nodenext", lib: ["es2022"], types: [] },
  { module: "node16", lib: ["es2022", "dom"], types: [] },
  { module: "bundler", lib: ["es2022", "dom"], types: ["node"] },
];

function release(name: string): PeerProgram {
  return {
    name: join(cache, name),
    remedy: "scripts/setup-typescript.sh installs it there.",
    probe: (path) => (existsSync(join(path, "lib/tsc.js")) ? undefined : "it has no compiler"),
  };
}

describe("the TypeScript of this repository", () => {
  const compiler = join(root, "node_modules/typescript/bin/tsc");
  test.each(settings)("$module, lib $lib, types $types", async (setting) => {
    expect(await compile(compiler, setting)).toBe("");
  });
});

describePeer(release("typescript-oldest"), (path) => {
  test.each(settings)("$module, lib $lib, types $types", async (setting) => {
    expect(await compile(join(path, "lib/tsc.js"), setting)).toBe("");
  });
});

describePeer(release("typescript-last"), (path) => {
  test.each(settings)("$module, lib $lib, types $types", async (setting) => {
    expect(await compile(join(path, "lib/tsc.js"), setting)).toBe("");
  });

  test("an editor shows the documentation of every value of scard/winscard", () => {
    const ts: Compiler = createRequire(import.meta.url)(path);
    const file = join(folder, "node_modules/scard", manifest.exports["./winscard"].types);
    const program = ts.createProgram([file], compilerOptions(ts));
    const checker = program.getTypeChecker();
    const door = program.getSourceFile(file);
    const values = exportsOf(ts, checker, door).filter(({ flags }) => flags & ts.SymbolFlags.Value);
    expect(values.length).toBeGreaterThan(250);
    const silent = values.filter((value) => value.getDocumentationComment(checker).length === 0);
    expect(silent.map(({ name }) => name)).toEqual([]);
  });

  test("every type that a public signature needs is exported by a subpath", () => {
    const { nameless, walked } = namelessTypes(createRequire(import.meta.url)(path));
    expect(nameless).toEqual([]);
    expect(walked).toBeGreaterThan(300);
  });
});

/** The part of the compiler's interface that is used here. */
interface Compiler {
  createProgram(files: readonly string[], options: object): Program;
  forEachChild(node: Node, visit: (child: Node) => void): void;
  isTypeReferenceNode(node: Node): boolean;
  isExpressionWithTypeArguments(node: Node): boolean;
  isTypeQueryNode(node: Node): boolean;
  readonly SymbolFlags: Readonly<Record<"Alias" | "Type" | "TypeParameter" | "Value", number>>;
  readonly ModuleKind: Readonly<Record<"NodeNext", number>>;
  readonly ScriptTarget: Readonly<Record<"ES2023", number>>;
}
interface Program {
  getTypeChecker(): Checker;
  getSourceFile(file: string): Node | undefined;
}
interface Checker {
  getSymbolAtLocation(node: Node): Name | undefined;
  getAliasedSymbol(name: Name): Name;
  getExportsOfModule(name: Name): readonly Name[];
}
interface Name {
  readonly name: string;
  readonly flags: number;
  readonly declarations?: readonly Node[];
  getDocumentationComment(checker: Checker): readonly object[];
}
interface Node {
  readonly typeName?: Node & { readonly right?: Node };
  readonly exprName?: Node & { readonly right?: Node };
  readonly expression?: Node;
  getSourceFile(): { readonly fileName: string };
}

function compilerOptions(ts: Compiler): object {
  return { module: ts.ModuleKind.NodeNext, target: ts.ScriptTarget.ES2023, types: [], skipLibCheck: true };
}

/** What a name stands for that may be passed on from another file. */
function original(ts: Compiler, checker: Checker, name: Name): Name {
  return name.flags & ts.SymbolFlags.Alias ? checker.getAliasedSymbol(name) : name;
}

function exportsOf(ts: Compiler, checker: Checker, source: Node | undefined): Name[] {
  const module = source && checker.getSymbolAtLocation(source);
  return module ? checker.getExportsOfModule(module).map((name) => original(ts, checker, name)) : [];
}

function namelessTypes(ts: Compiler): { nameless: string[]; walked: number } {
  const files = subpaths.map((subpath) => join(folder, "node_modules/scard", manifest.exports[subpath].types));
  const program = ts.createProgram(files, compilerOptions(ts));
  const checker = program.getTypeChecker();
  const exported = new Set(files.flatMap((file) => exportsOf(ts, checker, program.getSourceFile(file))));
  const walked = new Set<Name>();
  const nameless = new Set<string>();
  const isOurs = (node: Node | undefined): boolean => {
    const file = node?.getSourceFile().fileName ?? "";
    return file.includes("/scard/dist/") && !file.endsWith("/globals.d.ts");
  };
  const follow = (name: Name): void => {
    if (walked.has(name)) return;
    walked.add(name);
    for (const declaration of name.declarations ?? []) if (isOurs(declaration)) visit(declaration);
  };
  const visit = (node: Node): void => {
    const reference = ts.isTypeReferenceNode(node)
      ? (node.typeName?.right ?? node.typeName)
      : ts.isTypeQueryNode(node)
        ? (node.exprName?.right ?? node.exprName)
        : ts.isExpressionWithTypeArguments(node)
          ? node.expression
          : undefined;
    const found = reference && checker.getSymbolAtLocation(reference);
    if (found) {
      const name = original(ts, checker, found);
      const isType = (name.flags & ts.SymbolFlags.Type) !== 0 && (name.flags & ts.SymbolFlags.TypeParameter) === 0;
      if (isOurs(name.declarations?.[0])) {
        if (isType && !exported.has(name))
          nameless.add(`${name.name} in ${name.declarations?.[0]?.getSourceFile().fileName.split("/dist/")[1]}`);
        follow(name);
      }
    }
    ts.forEachChild(node, visit);
  };
  for (const name of exported) follow(name);
  return { nameless: [...nameless].sort(), walked: walked.size };
}
