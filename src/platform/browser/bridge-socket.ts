// SPDX-License-Identifier: MIT

/** What happens on a connection. */
export interface SocketEvents {
  opened(): void;
  received(message: Uint8Array): void;
  /** `code` is 1006 where the connection was lost, or could not be made. */
  closed(code: number, reason: string): void;
}

/** A connection. */
export interface OpenSocket {
  send(message: Uint8Array): void;
  close(): void;
}

/** A WebSocket of the page or worker, as far as it is used here. */
interface PageSocket {
  binaryType: string;
  onopen: (() => void) | null;
  onmessage: ((event: { readonly data: unknown }) => void) | null;
  onclose: ((event: { readonly code: number; readonly reason: string }) => void) | null;
  send(data: Uint8Array): void;
  close(): void;
}

/** What pages and workers have. */
interface PageGlobals {
  readonly WebSocket: new (url: string) => PageSocket;
  addEventListener?(type: "pagehide", listener: () => void): void;
  removeEventListener?(type: "pagehide", listener: () => void): void;
}

/** Begins to connect. The connection ends when the user leaves the page. */
export function openSocket(url: string, events: SocketEvents): OpenSocket {
  const page = globalThis as unknown as PageGlobals;
  const socket = new page.WebSocket(url);
  const left = (): void => socket.close();
  socket.binaryType = "arraybuffer";
  socket.onopen = events.opened;
  socket.onmessage = ({ data }) => events.received(new Uint8Array(data as ArrayBuffer));
  socket.onclose = ({ code, reason }) => {
    page.removeEventListener?.("pagehide", left);
    events.closed(code, reason);
  };
  page.addEventListener?.("pagehide", left);
  return {
    send(message) {
      socket.send(message);
      // The browser has copied it: it may hold a PIN.
      message.fill(0);
    },
    close: () => socket.close(),
  };
}
