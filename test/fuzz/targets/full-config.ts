// SPDX-License-Identifier: MIT

/** A configuration of the daemon with one of everything that it can say. */
export const fullConfig = {
  readers: [
    { type: "virtual", name: "Desk", card: "demo" },
    { type: "vpcd", host: "127.0.0.1", port: 35_963, slots: 2, access: [{ effect: "allow", uid: 5 }] },
    { type: "vpcd", path: "/run/vpcd", mode: "0600", group: 0, access: [{ effect: "deny", program: "x" }] },
  ],
  profile: "windows",
  semantics: { transactionIdleMs: null, reconnectEndsTransaction: true },
  limits: { sessions: 10, operationMs: 1000, unsentBytes: 4096, awakeUs: 0 },
  socket: { path: "/run/pcscd.comm", mode: "0660", group: 0 },
  control: { path: "/run/control" },
  access: { daemon: [{ effect: "allow", uid: 0 }], readers: [{ effect: "deny", program: "/bin/x", reader: "D*" }] },
  log: { level: "debug" },
};
