// SPDX-License-Identifier: MIT

import type { Shape } from "../../base/json/index.ts";
import { assert } from "../../port/index.ts";
import type { CardApplication, CardInterface } from "../applications/index.ts";
import type { CardCrypto, CertificateContent } from "../crypto/index.ts";
import type { TokenValue } from "./token-shape.ts";

/** What an application is given. */
interface ApplicationServices {
  readonly crypto: CardCrypto;
  /** Its state has changed and must be kept: call it before the command that changed it is answered. */
  readonly changed: () => void;
}

/** An application that was made from what its description keeps. */
interface OpenedApplication {
  readonly application: CardApplication;
  /** What it keeps now, as its shape has it in JSON. */
  save(): object;
}

/** What is said of an application to people: a name, and what it is. No secret is among it. */
export type Fact = readonly [name: string, value: string];

/** PINs that are put into a description. */
export interface NewSecrets {
  /** The PIN of the user: that of PIV and GIDS, OpenPGP's PW1. */
  readonly pin?: Uint8Array | undefined;
  /** What unblocks it: the PUK of PIV and GIDS, OpenPGP's PW3, the administrator's PIN. */
  readonly puk?: Uint8Array | undefined;
}

/** A key that is made for an application, with a certificate. */
export interface NewKey extends CertificateContent {
  /** Where it goes, as the application names it: `9A`; for GIDS the reference `81`. */
  readonly slot: string;
  /** As the application names it: `p256`. @default the application's usual one: `p256` for PIV, `rsa2048` for GIDS */
  readonly algorithm?: string | undefined;
}

/** A kind of application: how it is described, made new, set up, and opened. */
export interface ApplicationKind<V, S extends object> {
  /** For people: `PIV`. */
  readonly name: string;
  /** What it keeps, in JSON. */
  readonly shape: Shape<V, S>;
  /** The ATR of a card with this application as its default one, that is not a YubiKey. */
  atr(through: CardInterface): Uint8Array;
  /**
   * What it keeps when it comes from the factory.
   *
   * @param token the YubiKey that it is on
   */
  create(crypto: CardCrypto, token: TokenValue | undefined): Promise<S>;
  /** What it keeps, with other PINs, all tries left. The shape says afterwards whether they are good ones. */
  withSecrets(source: S, secrets: NewSecrets, crypto: CardCrypto): S;
  /**
   * Makes a key and its certificate, as an issuer does.
   *
   * @returns what the application keeps now, and the certificate in DER, where the key can have one
   * @throws invalid-parameter (a slot, an algorithm or a name that there is not)
   */
  provision?(
    value: V,
    crypto: CardCrypto,
    key: NewKey,
  ): Promise<{ readonly source: S; readonly certificate: Uint8Array | undefined }>;
  /** What it says to people. */
  facts(value: V): readonly Fact[];
  open(value: V, services: ApplicationServices): OpenedApplication;
}

/** An application that was read from a description. */
export interface ReadApplication<S = object> {
  readonly facts: readonly Fact[];
  readonly provision:
    | ((
        crypto: CardCrypto,
        key: NewKey,
      ) => Promise<{ readonly source: S; readonly certificate: Uint8Array | undefined }>)
    | undefined;
  open(services: ApplicationServices): OpenedApplication;
}

/** An {@link ApplicationKind} whose own types are closed in. */
export interface PluggedApplication {
  readonly name: string;
  readonly shape: Shape<ReadApplication, object>;
  atr(through: CardInterface): Uint8Array;
  create(crypto: CardCrypto, token: TokenValue | undefined): Promise<object>;
  /** @param source what the shape has accepted */
  withSecrets(source: object, secrets: NewSecrets, crypto: CardCrypto): object;
}

/** Closes the types of a kind in, so that different kinds fit one table. */
export function plugged<V, S extends object>(kind: ApplicationKind<V, S>): PluggedApplication {
  return {
    name: kind.name,
    shape: kind.shape.as((value): ReadApplication => {
      return {
        facts: kind.facts(value),
        provision: kind.provision && ((crypto, key) => provisioned(kind, value, crypto, key)),
        open: (services) => kind.open(value, services),
      };
    }),
    atr: (through) => kind.atr(through),
    create: (crypto, token) => kind.create(crypto, token),
    withSecrets: (source, secrets, crypto) => kind.withSecrets(source as S, secrets, crypto),
  };
}

function provisioned<V, S extends object>(
  kind: ApplicationKind<V, S>,
  value: V,
  crypto: CardCrypto,
  key: NewKey,
): Promise<{ readonly source: S; readonly certificate: Uint8Array | undefined }> {
  assert(kind.provision !== undefined, "this application makes keys");
  return kind.provision(value, crypto, key);
}
