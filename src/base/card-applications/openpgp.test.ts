// SPDX-License-Identifier: MIT

import { expect, test } from "vitest";
import { hexBytes } from "../binary/index.ts";
import { openPgpCurveIn, openPgpKeys } from "./openpgp.ts";

test("the tags of the three keys, OpenPGP card 3.4.1, 4.4.1 and 4.4.2", () => {
  const { authentication, decryption, signature } = openPgpKeys;
  expect([signature, decryption, authentication].map(({ attributes }) => attributes)).toEqual([0xc1, 0xc2, 0xc3]);
  expect([signature, decryption, authentication].map(({ fingerprint }) => fingerprint)).toEqual([0xc7, 0xc8, 0xc9]);
  expect([signature, decryption, authentication].map(({ caFingerprint }) => caFingerprint)).toEqual([0xca, 0xcb, 0xcc]);
  expect([signature, decryption, authentication].map(({ generationTime }) => generationTime)).toEqual([
    0xce, 0xcf, 0xd0,
  ]);
  expect([signature, decryption, authentication].map(({ userInteraction }) => userInteraction)).toEqual([
    0xd6, 0xd7, 0xd8,
  ]);
  expect([signature, decryption, authentication].map(({ reference }) => reference)).toEqual([1, 2, 3]);
});

test.each([
  ["132A8648CE3D030107", "P-256"],
  ["122B81040023FF", "P-521"],
  ["132B2403030208010107", "brainpoolP256r1"],
  ["132B2403030208010109", undefined],
  ["132B240303020801010D00", "brainpoolP512r1"],
  ["162B06010401DA470F01", "ed25519"],
  ["162B6570FF", "ed25519"],
  ["122B060104019755010501", "x25519"],
  ["122B656E00", "x25519"],
  ["010800002000", undefined],
  ["", undefined],
])("the curve of the attributes %s is %s", (attributes, curve) => {
  expect(openPgpCurveIn(hexBytes(attributes))).toBe(curve);
});
