// SPDX-License-Identifier: MIT

/** One way to break the code: text that occurs once in a file of src, and its replacement. */
export interface Mutant {
  readonly name: string;
  readonly file: string;
  readonly search: string;
  readonly replace: string;
  /** A second place in that file, for code that is guarded twice. */
  readonly also?: { readonly search: string; readonly replace: string };
}

/** Typical bugs of a resource manager. The simulator must find each. */
export const mutants: readonly Mutant[] = [
  {
    name: "no reset when a client dies",
    file: "managers/embedded/exit-disposition.ts",
    search: 'return profile.resetOnExit === "always" || transacted ? "reset" : "leave";',
    replace: 'void profile; void transacted; return "leave";',
  },
  {
    name: "the last who asked is granted first",
    file: "managers/embedded/transaction-queue.ts",
    search: "const [turn] = this.#lock === undefined ? this.#queue : this.#inner;",
    replace: "const turn = [...(this.#lock === undefined ? this.#queue : this.#inner)].at(-1);",
  },
  {
    name: "an insertion ends no wait",
    file: "managers/embedded/slot.ts",
    search: "    this.#trace.write(kind);\n    this.statusChanged();",
    replace: '    this.#trace.write(kind);\n    if (kind === "card-removed") this.statusChanged();',
  },
  {
    name: "a removal ends no wait",
    file: "managers/embedded/slot.ts",
    search: "    this.#trace.write(kind);\n    this.statusChanged();",
    replace: '    this.#trace.write(kind);\n    if (kind === "card-inserted") this.statusChanged();',
  },
  {
    name: "an event is not counted",
    file: "managers/embedded/slot.ts",
    search: "    this.#eventCount = nextEventCount(this.#eventCount);\n    this.#trace.write(kind);",
    replace:
      '    if (kind === "card-inserted") this.#eventCount = nextEventCount(this.#eventCount);\n    this.#trace.write(kind);',
  },
  {
    name: "the event count goes back when a reader comes again",
    file: "managers/embedded/embedded-manager.ts",
    search: "eventCount: before?.eventCount ?? 1,",
    replace: "eventCount: 1,",
  },
  {
    name: "a reset is told twice",
    file: "managers/embedded/connection-state.ts",
    search: "    this.#protocol = protocol;\n    this.fault = undefined;",
    replace:
      '    this.#protocol = protocol;\n    this.fault = this.fault?.code === "reset-card" && !this.#again ? this.fault : undefined;\n    this.#again = this.fault !== undefined;\n  }\n\n  #again = false;\n  unused(): void {',
  },
  {
    name: "a reset is not told",
    file: "managers/embedded/card-lifecycle.ts",
    search: '      connection.fault = { code: "reset-card", why: why.text };',
    replace: "",
  },
  {
    name: "a removal is not told",
    file: "managers/embedded/card-lifecycle.ts",
    search: 'if (connection.usesCard) connection.fault = { code: "removed-card", why: "the card was removed" };',
    replace: "",
  },
  {
    name: "a wait is left in the queue after its end",
    file: "managers/embedded/transaction-queue.ts",
    search: "          this.#queue.delete(turn);\n          this.#inner.delete(turn);",
    replace: "          this.#inner.delete(turn);",
  },
  {
    name: "a watcher is never taken off",
    file: "port/wait.ts",
    search: "    this.#deps.waits?.delete(this);\n",
    replace: "",
  },
  {
    name: "a cancel ends nothing",
    file: "managers/embedded/context.ts",
    search: 'this.#endWaits(() => "the context was cancelled");',
    replace: "",
  },
  {
    name: "a cancel ends one wait only",
    file: "managers/embedded/context.ts",
    search: "for (const wait of [...this.waits]) wait.giveUp(",
    replace: "for (const wait of [...this.waits].slice(0, 1)) wait.giveUp(",
  },
  {
    name: "a second exclusive connection is let in",
    file: "managers/embedded/share-modes.ts",
    search: 'if (wanted === "exclusive" || shareMode === "exclusive") return true;',
    replace: 'if ((wanted === "exclusive") !== (shareMode === "exclusive")) return true;',
  },
  {
    name: "sharing is checked before the wait only",
    file: "managers/embedded/slot.ts",
    search: '      this.checkSharing(options.shareMode, "connect");\n      const protocol',
    replace: "      const protocol",
  },
  {
    name: "the card is powered off in another's turn",
    file: "managers/embedded/card-lifecycle.ts",
    search: "if (profile.powerOffMs === undefined || connections.size > 0 || !card.powered) return;",
    replace: "if (profile.powerOffMs === undefined || !card.powered) return;",
    also: { search: "if (connections.size > 0 || !card.powered) return;", replace: "if (!card.powered) return;" },
  },
  {
    name: "cards are never powered off",
    file: "managers/embedded/card-lifecycle.ts",
    search: "this.#cancelPowerOff = clock.schedule(profile.powerOffMs,",
    replace: "if (profile.powerOffMs < 0) this.#cancelPowerOff = clock.schedule(profile.powerOffMs,",
  },
  {
    name: "an exchange goes on after its card was pulled",
    file: "managers/embedded/card-lifecycle.ts",
    search: '    driver.interrupt(removedCard("exchange"), "card");\n',
    replace: "",
  },
  {
    name: "a dead client keeps the lock",
    file: "managers/embedded/slot.ts",
    search: "    this.transactions.drop(connection);\n    this.#queue.pump();",
    replace:
      '    if (!why.text.includes("ended without")) this.transactions.drop(connection);\n    this.#queue.pump();',
  },
  {
    name: "a dead client's waits go on",
    file: "managers/embedded/context.ts",
    search: `this.#endWaits(() => \`\${this.client.name} \${how}\`, code === "service-stopped" ? code : "cancelled");`,
    replace: "",
  },
  {
    name: "a dead client stays in the list",
    file: "managers/embedded/embedded-manager.ts",
    search: "return this.#contexts.delete(released);",
    replace: "return true;",
  },
  {
    name: "an inner end frees the lock",
    file: "managers/embedded/transactions.ts",
    search: "if (lock.depth > 1) {",
    replace: "if (lock.depth > 2) {",
  },
  {
    name: "an end leaves the card as it is",
    file: "managers/embedded/transactions.ts",
    search: "await this.#deps.lifecycle.dispose(lock.due, why, { ...except, keepPowered: true });",
    replace: 'await this.#deps.lifecycle.dispose(asked("leave"), why, { ...except, keepPowered: true });',
  },
  {
    name: "a free lock is not handed on",
    file: "managers/embedded/transaction-queue.ts",
    search: "    this.#host.lockFreed(lock);\n    this.#grantNext();",
    replace: "    this.#host.lockFreed(lock);",
  },
  {
    name: "a pending disposition runs in another's transaction",
    file: "managers/embedded/card-lifecycle.ts",
    search: "const pending = queue.lock === undefined ? this.#pending.take() : undefined;",
    replace: "const pending = this.#pending.take();",
  },
  {
    name: "a pending disposition runs only when the queue is empty",
    file: "managers/embedded/transaction-queue.ts",
    search: "      this.#host.runPendingWork();\n",
    replace: "      if (this.#queue.size === 0) this.#host.runPendingWork();\n",
  },
  {
    name: "a nested begin overtakes an end",
    file: "managers/embedded/transaction-queue.ts",
    search: "if (!this.#busy && ahead === 0 && (own || this.#lock === undefined)) {",
    replace: "if ((own && takesLock) || (!this.#busy && ahead === 0 && (own || this.#lock === undefined))) {",
  },
  {
    name: "operations pass while another has the lock",
    file: "managers/embedded/transaction-queue.ts",
    search: "if (!this.#busy && ahead === 0 && (own || this.#lock === undefined)) {",
    replace: "if (!this.#busy && ahead === 0 && (own || !takesLock || this.#lock === undefined)) {",
  },
  {
    name: "two operations at once",
    file: "managers/embedded/operation-turns.ts",
    search: "    this.#deps.driver.whenIdle(() => this.#queue.release());",
    replace: "    this.#queue.release();",
  },
  {
    name: "a hung driver is called again before it is given up",
    file: "managers/embedded/driver.ts",
    search: '          this.#events.lost("the driver hangs");\n          secret?.wipe();\n          this.#returned();',
    replace: '          this.#returned();\n          secret?.wipe();\n          this.#events.lost("the driver hangs");',
  },
  {
    name: "the limit of connections is off by one",
    file: "managers/embedded/context.ts",
    search: "if (this.#connections.size + this.#connecting.length >= limit) {",
    replace: "if (this.#connections.size + this.#connecting.length > limit) {",
  },
  {
    name: "deadlines are forgotten",
    file: "port/wait.ts",
    search: "if (options.timeoutMs !== undefined) {",
    replace: "if (options.timeoutMs !== undefined && options.timeoutMs < 0) {",
  },
  {
    name: "a deadline's timer outlives its wait",
    file: "port/wait.ts",
    search: "    this.#cancelTimer?.();\n",
    replace: "",
  },
  {
    name: "a listener is left on the signal",
    file: "port/wait.ts",
    search: '    this.#signal?.removeEventListener("abort", this.#aborted);\n',
    replace: "",
  },
  {
    name: "a trace quotes the command",
    file: "managers/embedded/reader-access.ts",
    search: "      const response = await driver.transmit",
    replace:
      '      void command.use((bytes) => this.#deps.trace.write("exchange", connection.context, bytes.join(",")));\n      const response = await driver.transmit',
  },
  {
    name: "the service grants a turn that was kept and never takes it back",
    file: "faces/pcsclite-server/held-request.ts",
    search:
      '    if (this.#result?.kind === "done") this.#deps.unclaimed(this.#result.value);\n    this.#end();\n  }\n\n  #end',
    replace: "    this.#end();\n  }\n\n  #end",
  },
  {
    name: "a full context cannot end its transaction",
    file: "managers/embedded/transaction-queue.ts",
    search: "if (isFull && !request.endsLock) return",
    replace: "if (isFull) return",
  },
  {
    name: "an aborted reset is followed by another operation",
    file: "managers/embedded/driver.ts",
    search: "if (before?.isInterrupted()) {",
    replace: "if (before === null) {",
  },
  {
    name: "the service forgets a client that is cut off",
    file: "faces/pcsclite-server/session.ts",
    search: "this.#requests.close().catch((error: unknown) => this.#failed(error));",
    replace: "",
  },
  {
    name: "the service answers without its body's last byte",
    file: "faces/pcsclite-server/session.ts",
    search: "if (response !== undefined) this.#deps.peer.send(response);",
    replace: "if (response !== undefined) this.#deps.peer.send(response.subarray(0, response.length - 1));",
  },
  {
    name: "a deadline is on the wall clock",
    file: "port/wait.ts",
    search: "    if (this.#isOver) return;\n    const { clock, details, operation, whoHolds } = this.#deps;\n",
    replace:
      "    if (this.#isOver) return;\n    const { clock, details, operation, whoHolds } = this.#deps;\n    const end = clock.wallTime() + timeoutMs;\n",
    also: {
      search: "      this.giveUp(error?.() ?? timedOut(operation, known));\n",
      replace:
        '      const fail = (): void => this.giveUp(error?.() ?? timedOut(operation, known));\n      const early = end - clock.wallTime();\n      if (early > 0) this.#cancelTimer = clock.schedule(early, "wall deadline", fail);\n      else fail();\n',
    },
  },
  {
    name: "the idle limit looks at the wall clock",
    file: "managers/embedded/idle-limit.ts",
    search: "this.#lastUse = this.#clock.now();",
    replace: "this.#lastUse = this.#clock.wallTime();",
    also: { search: "limitMs - this.#clock.now();", replace: "limitMs - this.#clock.wallTime();" },
  },
  {
    name: "a lock's age is told by the wall clock",
    file: "managers/embedded/transaction-queue.ts",
    search: 'due: asked("leave"), since: this.#deps.clock.now() };',
    replace: 'due: asked("leave"), since: this.#deps.clock.wallTime() };',
  },
  {
    name: "what the end of a nested transaction asks for is forgotten",
    file: "managers/embedded/transactions.ts",
    search: "lock.due = together(lock.due, asked(disposition));",
    replace: "if (lock.depth === 1) lock.due = asked(disposition);",
  },
  {
    name: "a nested begin is no use of the card",
    file: "managers/embedded/transactions.ts",
    search: "    // A nested one is a use of the card like any other function.\n    this.used(connection);",
    replace: "",
  },
  {
    name: "the service forgets to tell clients of 4:4 and 4:5 of the first change",
    file: "faces/pcsclite-server/session.ts",
    search: '    if (this.#waiting.kind === "armed") this.#signal(SUCCESS);\n',
    replace:
      '    if (this.#waiting.kind === "armed" && (!this.#version.waitBringsTable || this.#changes++ > 0)) this.#signal(SUCCESS);\n  }\n\n  #changes = 0;\n\n  unused(): void {\n',
  },
  {
    name: "a client that was ahead is never read again",
    file: "faces/pcsclite-server/session.ts",
    search: "    this.#deps.peer.resume();\n",
    replace: "",
  },
  {
    name: "an attribute is set while another has the lock",
    file: "managers/embedded/operations.ts",
    search: 'this.#run(connection, "set attribute", "reader", wait, () =>',
    replace: "Promise.resolve().then(() =>",
  },
  {
    name: "a reset that is aborted is tried again for ever",
    file: "managers/embedded/driver.ts",
    search: 'if (current.kind === "exchange") this.#events.exchangeAborted();',
    replace: 'if (current.kind !== "reader") this.#events.exchangeAborted();',
  },
  {
    name: "a context that can do one thing at a time waits for itself",
    file: "managers/embedded/transaction-queue.ts",
    search: "if (!waiter.oneAtATime) return false;",
    replace: "if (waiter.waitLimit >= 0) return false;",
  },
  {
    name: "the idle limit is given up once the card is in use",
    file: "managers/embedded/transactions.ts",
    search: "if (this.#queue.busy) return true;",
    replace: "if (this.#queue.busy) return false;",
  },
  {
    name: "the idle limit is given up once the card was used",
    file: "managers/embedded/idle-limit.ts",
    search: "    if (remainingMs > 0) this.#wait(remainingMs, limitMs);\n    else if",
    replace: "    if (remainingMs > 0) return;\n    if",
  },
  {
    name: "the idle limit counts from the begin alone",
    file: "managers/embedded/idle-limit.ts",
    search: "    this.#lastUse = this.#clock.now();\n",
    replace: "    if (this.#cancelTimer === undefined) this.#lastUse = this.#clock.now();\n",
  },
  {
    name: "an idle transaction ends, and its card is not reset",
    file: "managers/embedded/transactions.ts",
    search: 'await this.#deps.lifecycle.dispose(asked("reset"), why, { keepPowered: true });',
    replace: 'await this.#deps.lifecycle.dispose(asked("leave"), why, { keepPowered: true });',
  },
  {
    name: "an idle transaction resets its card, and does not end",
    file: "managers/embedded/transactions.ts",
    search: "if (this.#queue.lock === lock) this.#queue.unlock();",
    replace: "",
  },
  {
    name: "of several that wait for a failed disposition one is told",
    file: "managers/embedded/card-lifecycle.ts",
    search: "for (const wait of pending.waits) wait.fail(error as SmartCardError);",
    replace: "pending.waits[0]?.fail(error as SmartCardError);",
  },
  {
    name: "of several that wait for a disposition one is told",
    file: "managers/embedded/card-lifecycle.ts",
    search: "for (const wait of pending.waits) wait.resolve();\n    } catch",
    replace: "pending.waits[0]?.resolve();\n    } catch",
  },
  {
    name: "a failed disposition is told to none that waits for it",
    file: "managers/embedded/card-lifecycle.ts",
    search: "for (const wait of pending.waits) wait.fail(error as SmartCardError);",
    replace: "void error;",
  },
  {
    name: "a failed disposition clears all others",
    file: "managers/embedded/card-lifecycle.ts",
    search: "      for (const wait of pending.waits) wait.fail(error as SmartCardError);\n",
    replace:
      "      for (const wait of pending.waits) wait.fail(error as SmartCardError);\n      this.#pending.clear();\n",
  },
  {
    name: "of several dispositions that are due one is done",
    file: "managers/embedded/pending-dispositions.ts",
    search: "return this.#pending.shift();",
    replace: "return this.#pending.splice(0)[0];",
  },
  {
    name: "a disposition that is due takes the place of one of another kind",
    file: "managers/embedded/pending-dispositions.ts",
    search: "if (last?.due.disposition === due.disposition && last.due.otherwise === due.otherwise) return last;",
    replace: "if (last !== undefined) return last;",
  },
  {
    name: "a card that goes is told to none that waits for its disposition",
    file: "managers/embedded/pending-dispositions.ts",
    search: "for (const pending of cleared) for (const wait of pending.waits) wait.resolve();",
    replace: "void cleared;",
  },
  {
    name: "the numbers of cards are not freed when the context is released",
    file: "faces/pcsclite-server/requests.ts",
    search: "for (const card of this.#cards.keys()) this.#deps.freeNumber(card);",
    replace: "",
  },
  {
    name: "the number of a card is not freed when it is disconnected",
    file: "faces/pcsclite-server/requests.ts",
    search: "    this.#deps.freeNumber(card);\n    this.#deps.quotas",
    replace: "    this.#deps.quotas",
  },
  {
    name: "the number of a context is not freed",
    file: "faces/pcsclite-server/requests.ts",
    search: "if (this.#context !== undefined) this.#deps.freeNumber(this.#context.number);",
    replace: "",
  },
  {
    name: "a kept reconnect is claimed with another initialization",
    file: "faces/pcsclite-server/requests.ts",
    search: "await this.#heldRequests.reconnect(held, key,",
    replace: "await this.#heldRequests.reconnect(held, [terms.shareMode, terms.preferredProtocols].join(),",
  },
  {
    name: "a kept reconnect is claimed with other protocols",
    file: "faces/pcsclite-server/requests.ts",
    search: "await this.#heldRequests.reconnect(held, key,",
    replace: "await this.#heldRequests.reconnect(held, [terms.shareMode, initialization].join(),",
  },
  {
    name: "a kept reconnect is claimed with another share mode",
    file: "faces/pcsclite-server/requests.ts",
    search: "await this.#heldRequests.reconnect(held, key,",
    replace: "await this.#heldRequests.reconnect(held, [terms.preferredProtocols, initialization].join(),",
  },
  {
    name: "a reconnect that is kept counts as done",
    file: "faces/pcsclite-server/held-requests.ts",
    search: "await this.#claim(held.reconnect.wait, this.#holdMs(alone));",
    replace: "await this.#claim(held.reconnect.wait, this.#holdMs(alone)).catch(() => {});",
  },
  {
    name: "a transaction that is kept can be ended by who was not told of it",
    file: "faces/pcsclite-server/requests.ts",
    search:
      'if (turn !== undefined) throw new SmartCardError("not-transacted", "this connection has no transaction open");',
    replace: "void turn;",
  },
  {
    name: "one program is served until it has nothing more to ask",
    file: "faces/pcsclite-server/serving-order.ts",
    search: "const [program] = programs;",
    replace: "const program = [...programs].at(-1);",
  },
  {
    name: "a client that waits to be read is not read in its turn",
    file: "platform/node/unix/reading-order.ts",
    search: "        turns.isHeld = false;\n        turns.source.read();\n",
    replace: "        turns.isHeld = false;\n",
  },
  {
    name: "a client that waits to be read is forgotten when no more comes than fits",
    file: "platform/node/unix/reading-order.ts",
    search: "      turns.isHeld = false;\n      turns.source.read();\n    }\n    if",
    replace: "      turns.isHeld = false;\n    }\n    if",
  },
  {
    name: "those who wait to be read are looked at once",
    file: "platform/node/unix/reading-order.ts",
    search: "this.#lookLater();\n      else this.#letGo();",
    replace: "void 0;\n      else this.#letGo();",
  },
  {
    name: "a client that was read keeps the place of its turn",
    file: "platform/node/unix/reading-order.ts",
    search: "      if (turns.isHeld) return;\n      this.#reading--;\n",
    replace: "      if (turns.isHeld) return;\n",
  },
  {
    name: "USB: the answer to another command is taken",
    file: "readers/ccid/bulk-link.ts",
    search: "(address !== undefined && pending.sequence !== address.sequence)",
    replace: "(address !== undefined && pending.slot !== address.slot)",
  },
  {
    name: "USB: an endpoint that is halted stays so",
    file: "readers/ccid/bulk-link.ts",
    search: '    if (error.failure === "stall") await this.#transfers.clearHalt(this.#options.bulkIn.address);\n',
    replace: "",
  },
  {
    name: "USB: a command that is given up is left in the reader",
    file: "readers/ccid/bulk-link.ts",
    search: '      if (end.kind === "given-up" && isSent) await this.#abort(pending);\n',
    replace: "",
  },
  {
    name: "USB: a reader that is gone is not given up",
    file: "readers/ccid/bulk-link.ts",
    search: "    this.#options.events.gone(reason);\n",
    replace: "",
  },
  {
    name: "USB: a removal is not reported",
    file: "readers/ccid/presence.ts",
    search: "    this.#events?.removed();\n",
    replace: "",
  },
  {
    name: "USB: a reader without messages is not asked for its card",
    file: "readers/ccid/presence.ts",
    search: "    this.#events = events;\n    this.#schedule();\n",
    replace: "    this.#events = events;\n",
  },
  {
    name: "T=1: the number of the next block stays",
    file: "readers/transmission/t1-exchange.ts",
    search: '    if (this.#phase !== "receiving") this.#sendSequence ^= 1;\n    this.#receiveSequence ^= 1;\n',
    replace: "    this.#receiveSequence ^= 1;\n",
  },
  {
    name: "T=1: a block is believed without its error detection code",
    file: "readers/transmission/t1-block.ts",
    search: "const intact = equalBytes(bytes.subarray(end), errorDetection(format.edc, bytes.subarray(0, end)));",
    replace: "const intact = equalBytes(bytes, bytes);",
  },
  {
    name: "a driver that hangs is not closed",
    file: "managers/embedded/driver.ts",
    search: "          quietly(() => this.#reader.close());\n        });",
    replace: "        });",
  },
  {
    name: "driver: a card that comes later is not seen",
    file: "readers/ifd/ifd-reader.ts",
    search: "      await this.#look(session, signal);\n",
    replace: "",
  },
  {
    name: "driver: a process that ended is not started again",
    file: "readers/ifd/ifd-device.ts",
    search: "() => void this.#restart());",
    replace: "() => {});",
  },
  {
    name: "driver: the process of a reader that was pulled is left",
    file: "readers/ifd/ifd-device.ts",
    search: "    this.#over = closeAll(session, told, this.clock, this.limits.closeMs).then(release);\n",
    replace: "    this.#over = told ?? Promise.resolve();\n    release();\n",
  },
  {
    name: "observer: a command is told twice",
    file: "observe/calls/observation.ts",
    search: "      this.#exchanged(event, reader, ended, isKnown);\n      return false;",
    replace:
      "      this.#exchanged(event, reader, ended, isKnown);\n      this.#exchanged(event, reader, ended, isKnown);\n      return false;",
  },
  {
    name: "observer: a call that was aborted is not told",
    file: "observe/calls/observation.ts",
    search: "      this.told(facts, timing, { outcome: outcomeOf(error) });",
    replace: '      if (outcomeOf(error) !== "cancelled") this.told(facts, timing, { outcome: outcomeOf(error) });',
  },
  {
    name: "observer: a reset leaves what was selected",
    file: "observe/calls/observation.ts",
    search: "      else this.#sessions.get(readerKey(reader))?.forget();\n    });",
    replace: "    });",
  },
  {
    name: "observer: dropped events are not counted",
    file: "observe/calls/backlog.ts",
    search: "      if (oldest?.tells) this.#dropped();",
    replace: "",
  },
  {
    name: "observer: events overtake those that wait",
    file: "observe/calls/observation.ts",
    search: "this.#backlog.add({ bytes: 0, tells: true, run: () => listeners.tell(event), drop: () => {} });",
    replace: "listeners.tell(event);",
  },
];
