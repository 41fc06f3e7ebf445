// SPDX-License-Identifier: MIT

/** What P1 and P2 of GET DATA and PUT DATA name beside files. GIDS 2.0, 4.2. */
export const gidsFileIds = {
  current: 0x0000,
  directory: 0x2f00,
  answerToReset: 0x2f01,
  masterFile: 0x3f00,
  application: 0x3fff,
} as const;

/** Reference data, P2 of the commands. GIDS 2.0, tables 40 and 73. */
export const gidsReferences = {
  globalPin: 0x00,
  pin: 0x80,
  puk: 0x81,
  /** Not a secret: VERIFY with it ends all that was verified. */
  securityStatus: 0x82,
} as const;

/** The reference of the administrator's key, and of the first and the last key that there can be. */
export const gidsKeyReferences = { administrator: 0x80, first: 0x81, last: 0x9e } as const;

/** Objects of the application that tell of its PINs, and the tag of how many tries are left. GIDS 2.0, 9.5. */
export const gidsPinTags = { globalPin: 0x7f71, pin: 0x7f72, puk: 0x7f73, triesLeft: 0x97 } as const;

/** Control reference templates. GIDS 2.0, table 23. */
export const gidsTemplates = { authentication: 0xa4, signature: 0xb6, confidentiality: 0xb8 } as const;

/** The upper half of a mechanism reference: what is done with the block. GIDS 2.0, tables 27 and 28. */
export const gidsPaddings = { none: 0x00, digest: 0x10, pkcs1: 0x40, pkcs1Digest: 0x50, oaep: 0x80 } as const;

/** The lower half of a mechanism reference, by the bits of a modulus or by the curve. GIDS 2.0, tables 25 to 28. */
export const gidsMechanisms = {
  rsa: { 1024: 0x6, 2048: 0x7, 3072: 0x8, 4096: 0x9 },
  curve: { "P-256": 0xc, "P-384": 0xd, "P-521": 0xe },
} as const;
