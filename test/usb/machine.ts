// SPDX-License-Identifier: MIT

import { spawn, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir, tmpdir } from "node:os";
import { join, resolve } from "node:path";
import type { PeerProgram } from "../peers/peers.ts";
import type { Outcome } from "./guest/scenario.ts";
import { RESULT, type SuspendResult } from "./guest/suspend.ts";

/** Where scripts/setup-usb.sh puts the kernel and what is over the host's root. */
const cache = join(process.env.XDG_CACHE_HOME ?? join(homedir(), ".cache"), "scard-peers", "usb");

/** A machine with USB: QEMU, which emulates it instruction by instruction where there is no KVM. */
export const usbMachine: PeerProgram = {
  name: "qemu-system-x86_64",
  remedy: "scripts/setup-peers.sh and scripts/setup-usb.sh install it and its kernel on Debian, as root.",
  probe: () => {
    if (process.arch !== "x64") return "the machine is an x86_64 one";
    if (!existsSync(join(cache, "vmlinux"))) return `there is no kernel for it in ${cache}`;
    const missing = ["certutil", "pcscd", "opensc-tool"].filter(
      (name) => spawnSync("which", [name], { env: { PATH: `${process.env.PATH}:/usr/sbin` } }).status !== 0,
    );
    return missing.length === 0 ? undefined : `${missing.join(", ")} missing`;
  },
};

/** Ends a machine that hangs. No measure of anything: emulation on a busy machine is slow. */
const LIMIT_MS = 3_600_000;
const MEMORY_MB = 768;
/** One without AVX: QEMU emulates those instructions one by one in C, and all that Node does takes a quarter longer. */
const PROCESSOR = "Nehalem";

/** What a boot has left. */
export interface Boot {
  readonly outcomes: readonly Outcome[];
  /** What the guest wrote to its console. */
  readonly console: string;
}

/** The certificates of the card that QEMU emulates. */
const certificates = ["id-cert", "signing-cert", "encryption-cert"];

/** Boots the machine, runs the scenarios that are wanted (`isWanted`), and waits for it to power off. */
export async function bootMachine(wanted = ""): Promise<Boot> {
  const { results, console: output } = await boot("main.js", { SCENARIOS: wanted });
  return { outcomes: (results ?? []) as readonly Outcome[], console: output };
}

/** Boots the machine, suspends and resumes it with a card in use, and powers it off. */
export async function suspendMachine(): Promise<SuspendResult> {
  // What the service writes goes into memory: the folder of the run is gone after the suspend.
  const { console: output } = await boot("suspend-main.js", { RUN: "/tmp" });
  const line = output.split(/\r?\n/).find((one) => one.startsWith(RESULT));
  if (line === undefined) throw new Error(`the machine did not come back:\n${output.slice(-4000)}`);
  return JSON.parse(line.slice(RESULT.length)) as SuspendResult;
}

/** Boots the machine for bench/readers, and returns the raw figures of each round. */
export async function measureInMachine(environment: Readonly<Record<string, string>>): Promise<unknown> {
  const { results, console: output } = await boot("bench-main.js", environment);
  if (results === undefined) throw new Error(`the machine measured nothing:\n${output.slice(-4000)}`);
  return results;
}

async function boot(
  program: string,
  environment: Readonly<Record<string, string>>,
): Promise<{ readonly results: unknown; readonly console: string }> {
  const folder = mkdtempSync(join(tmpdir(), "scard-usb-"));
  try {
    compileGuest(join(folder, "js"));
    makeCertificates(join(folder, "nss"));
    const settings = Object.entries(environment).map(
      ([name, value]) => `export ${name}='${value.replaceAll("'", "'\\''")}'`,
    );
    const script = [...settings, `exec ${process.execPath} js/test/usb/guest/${program}`];
    writeFileSync(join(folder, "boot.sh"), `${script.join("\n")}\n`);
    const output = await runQemu(folder);
    const results = join(folder, "results.json");
    return {
      results: existsSync(results) ? JSON.parse(readFileSync(results, "utf8")) : undefined,
      console: output,
    };
  } finally {
    if (process.env.SCARD_KEEP_USB_RUN) console.log(`the run's folder is kept: ${folder}`);
    else rmSync(folder, { recursive: true });
  }
}

/** The oldest Node that we support cannot run TypeScript. Types are the business of `npm run check`. */
function compileGuest(target: string): void {
  mkdirSync(target);
  writeFileSync(join(target, "package.json"), '{ "type": "module" }\n');
  runOrThrow(process.execPath, [
    resolve("node_modules/typescript/bin/tsc"),
    ...["-p", resolve("test/usb/guest/tsconfig.json"), "--noCheck", "--sourceMap", "false", "--outDir", target],
  ]);
}

function makeCertificates(target: string): void {
  mkdirSync(target);
  const database = ["-d", `sql:${target}`];
  const noise = join(target, "noise");
  writeFileSync(noise, crypto.getRandomValues(new Uint8Array(256)));
  runOrThrow("certutil", ["-N", ...database, "--empty-password"]);
  certificates.forEach((name, index) => {
    const subject = ["-s", `CN=${name}`, "-n", name, "-m", String(index + 1)];
    runOrThrow("certutil", [
      "-S",
      "-x",
      ...database,
      ...subject,
      "-t",
      "TCu,Cu,Tuw",
      "-k",
      "rsa",
      "-g",
      "2048",
      "-z",
      noise,
    ]);
  });
}

function runOrThrow(command: string, args: readonly string[]): void {
  const { status, stdout, stderr, error } = spawnSync(command, args, { encoding: "utf8" });
  if (status !== 0) throw new Error(`${command} ${args.join(" ")}: ${error?.message ?? stderr + stdout}`);
}

function runQemu(folder: string): Promise<string> {
  const project = resolve(".");
  const share = (id: string, path: string, options: string): readonly string[] => [
    ...["-fsdev", `local,id=${id},path=${path},security_model=none,multidevs=remap${options}`],
    ...["-device", `virtio-9p-pci,fsdev=${id},mount_tag=${id}`],
  ];
  // The kernel measures the processor's clock in some milliseconds, and on a busy host it measures wrong: it has the board's.
  const clockOptions = "tsc=unstable clocksource=hpet nolapic_timer";
  const kernelOptions = `console=ttyS0 quiet loglevel=3 panic=-1 mitigations=off nokaslr ${clockOptions} random.trust_cpu=on`;
  const certificateOptions = certificates.map((name, index) => `cert${index + 1}=${name}`).join(",");
  const args = [
    ...["-nodefaults", "-no-user-config", "-machine", "q35,accel=tcg", "-cpu", PROCESSOR, "-smp", "1"],
    ...["-m", String(MEMORY_MB), "-display", "none", "-serial", "stdio", "-no-reboot"],
    ...["-kernel", join(cache, "vmlinux"), "-initrd", join(cache, "initrd.gz")],
    ...["-append", `${kernelOptions} rig.run=${folder} rig.project=${project}`],
    ...["-device", "isa-debug-exit,iobase=0xf4,iosize=0x04"],
    ...share("host", "/", ",readonly=on"),
    ...share("extra", join(cache, "extra"), ",readonly=on"),
    ...share("project", project, ",readonly=on"),
    ...share("run", folder, ""),
    ...["-device", "piix3-usb-uhci,id=uhci", "-device", "usb-ccid,id=ccid,bus=uhci.0"],
    ...[
      "-device",
      `ccid-card-emulated,id=card,backend=certificates,db=sql:${join(folder, "nss")},${certificateOptions}`,
    ],
  ];
  return new Promise((done, reject) => {
    const child = spawn("qemu-system-x86_64", args, { stdio: ["ignore", "pipe", "pipe"] });
    let output = "";
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => {
        output += text;
        if (process.env.SCARD_KEEP_USB_RUN) process.stdout.write(text);
      });
    }
    const timer = setTimeout(() => child.kill("SIGKILL"), LIMIT_MS);
    child.on("error", reject);
    child.on("close", () => {
      clearTimeout(timer);
      done(output);
    });
  });
}
