// SPDX-License-Identifier: MIT

/**
 * Registered application provider identifiers (RIDs): what the application identifiers of one provider begin with, in
 * hexadecimal digits.
 *
 * @see ISO/IEC 7816-5:2004, 7
 */
export const applicationProviders = {
  /** Of the data in ATRs of contactless cards. PC/SC part 3, 3.1.3.2.3. */
  pcscWorkgroup: "A000000306",
  threeGpp: "A000000087",
  /** The General Services Administration of the United States. NIST SP 800-73-4 part 1, 3.1.1. */
  gsa: "A000000116",
  nist: "A000000308",
  yubico: "A000000527",
  /** Of FIDO's applications. FIDO U2F NFC protocol specification, 4. */
  fido: "A000000647",
  /** Of payment systems: EMV book 1, 12.2.1 has their identifiers begin with these. */
  visa: "A000000003",
  mastercard: "A000000004",
  americanExpress: "A000000025",
  jcb: "A000000065",
  discover: "A000000152",
  interac: "A000000277",
  unionPay: "A000000333",
} as const;

/**
 * Identifiers of applications (AIDs) in hexadecimal digits, for SELECT by name: the whole, or as much as is the same on all
 * cards.
 *
 * @see ISO/IEC 7816-4:2005, 8.2.1.2
 */
export const applicationIdentifiers = {
  /** Without its version, as programs select it: 01 00 follows on the card. NIST SP 800-73-4 part 1, 2.2. */
  piv: `${applicationProviders.nist}00001000`,
  /** The RID of the FSF Europe, and the application: version, manufacturer and serial number follow. OpenPGP card 3.4.1, 4.2.1. */
  openPgp: "D27600012401",
  /** Microsoft's RID, and the name: version and a free byte follow. Generic Identity Device Specification 2.0, 2.1. */
  gids: "A00000039742544659",
  /** Version 2.0. Generic Identity Device Specification 2.0, 2.1. */
  gids2: "A0000003974254465902",
  /** The application in which a card tells Windows its identifiers. Microsoft, "Smart Card Discovery Process". */
  plugAndPlay: "A0000003974349445F0100",
  /** DF.CIA: the RID of PKCS #15, and "PKCS-15". ISO/IEC 7816-15:2016, 7.5.2. */
  pkcs15: "A000000063504B43532D3135",
  /** The issuer security domain. GlobalPlatform 2.3.1, H.1.3. */
  issuerSecurityDomain: "A000000151000000",
  /** NFC Forum, Type 4 Tag, version 2.0, 4.2. */
  ndef: "D2760000850101",
  /** What a token of Yubico tells of itself. The package yubikey-manager, yubikit/core/smartcard. */
  yubicoManagement: `${applicationProviders.yubico}471117`,
  /** Codes of time and counters (OATH) of Yubico's tokens. The package yubikey-manager, yubikit/core/smartcard. */
  yubicoOath: `${applicationProviders.yubico}2101`,
  /** YubiHSM Auth of Yubico's tokens. The package yubikey-manager, yubikit/core/smartcard. */
  yubicoHsmAuth: `${applicationProviders.yubico}210701`,
  /** FIDO U2F and FIDO2. FIDO U2F NFC protocol specification, 4. */
  fido: `${applicationProviders.fido}2F0001`,
  /** Passports and identity cards that machines read (LDS1). ICAO Doc 9303-10, 3.3. */
  travelDocument: "A0000002471001",
  /** A USIM, and an ISIM: country, provider and more follow. ETSI TS 101 220, annex E. */
  usim: `${applicationProviders.threeGpp}1002`,
  isim: `${applicationProviders.threeGpp}1004`,
  /** The list of payment applications, over contacts and contactless: "1PAY.SYS.DDF01", "2PAY.SYS.DDF01". EMV book 1, 12.2.2; EMV book B, 3.3.2. */
  paymentSystemEnvironment: "315041592E5359532E4444463031",
  contactlessPaymentEnvironment: "325041592E5359532E4444463031",
  /** One-time passwords of Yubico's tokens. The package yubikey-manager, yubikit/core/smartcard. */
  yubicoOtp: `${applicationProviders.yubico}200101`,
} as const;
