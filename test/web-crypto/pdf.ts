// SPDX-License-Identifier: MIT

// A PDF file with one empty page and one signature. ISO 32000-1, 12.8.

const CONTENTS_BYTES = 8192;

const objects = [
  "<< /Type /Catalog /Pages 2 0 R /AcroForm << /Fields [4 0 R] /SigFlags 3 >> >>",
  "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
  "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 200 200] /Annots [4 0 R] >>",
  "<< /Type /Annot /Subtype /Widget /FT /Sig /T (Signature) /Rect [0 0 0 0] /F 132 /P 3 0 R /V 5 0 R >>",
  "<< /Type /Sig /Filter /Adobe.PPKLite /SubFilter /adbe.pkcs7.detached /ByteRange [0 RANGE1 RANGE2 RANGE3] " +
    `/Contents <${"0".repeat(2 * CONTENTS_BYTES)}> >>`,
];

/** The file with room for the signature, and with the ranges that are to be signed. */
function unsigned(): string {
  let file = "%PDF-1.7\n";
  const offsets = objects.map((object, index) => {
    const offset = file.length;
    file += `${index + 1} 0 obj\n${object}\nendobj\n`;
    return offset;
  });
  const table = offsets.map((offset) => `${`${offset}`.padStart(10, "0")} 00000 n \n`).join("");
  const start = file.length;
  const size = objects.length + 1;
  file += `xref\n0 ${size}\n0000000000 65535 f \n${table}trailer\n<< /Size ${size} /Root 1 0 R >>\n`;
  file += `startxref\n${start}\n%%EOF\n`;
  const begin = file.indexOf("/Contents <") + "/Contents ".length;
  const end = file.indexOf(">", begin) + 1;
  const ranges: readonly [string, number][] = [
    ["RANGE1", begin],
    ["RANGE2", end],
    ["RANGE3", file.length - end],
  ];
  // As long as the words that they replace, so that no offset moves.
  for (const [word, number] of ranges) file = file.replace(word, `${number}`.padEnd(word.length));
  return file;
}

/** Signs a file. @param sign makes a detached CMS, in DER */
export async function signedPdf(sign: (data: Uint8Array) => Promise<Uint8Array>): Promise<Uint8Array> {
  const file = unsigned();
  const { data, hexStart } = partsOf(file);
  const cms = Buffer.from(await sign(data)).toString("hex");
  return Buffer.from(file.slice(0, hexStart) + cms + file.slice(hexStart + cms.length), "latin1");
}

/** What a reader of the file checks: the bytes of /ByteRange, and the signature without the zeros after it. */
export function signatureIn(pdf: Uint8Array): { readonly data: Uint8Array; readonly cms: Uint8Array } {
  const file = Buffer.from(pdf).toString("latin1");
  const { data, hexStart } = partsOf(file);
  const bytes = Buffer.from(file.slice(hexStart, file.indexOf(">", hexStart)), "hex");
  return { data, cms: bytes.subarray(0, 4 + bytes.readUInt16BE(2)) };
}

function partsOf(file: string): { readonly data: Uint8Array; readonly hexStart: number } {
  const [, one = 0, two = 0, three = 0] = (/\/ByteRange \[([^\]]*)\]/.exec(file)?.[1] ?? "")
    .trim()
    .split(/ +/)
    .map(Number);
  const signed = file.slice(0, one) + file.slice(two, two + three);
  return { data: new Uint8Array(Buffer.from(signed, "latin1")), hexStart: one + 1 };
}
