// SPDX-License-Identifier: MIT

/** How often a block is asked for again before the interface device resynchronises. ISO/IEC 7816-3:2006, 11.6.3.2, rule 7.4.2. */
export const MAX_RETRANSMISSIONS = 2;

/**
 * How often in a row a card may say with an R-block that it did not get our last block. The standard sets no limit: each such
 * block is free of errors, so that the count of rule 7.4.2 begins anew.
 */
export const MAX_COMPLAINTS = 4;

/** How often S(RESYNCH request) is sent in succession before a reset is needed. ISO/IEC 7816-3:2006, 11.6.3.2, rule 7.4.3. */
export const MAX_RESYNCHRONISATIONS = 3;

/** Most waiting time extensions in one exchange, S(WTX) or NULL, where the caller sets no other limit. */
export const MAX_WAIT_EXTENSIONS = 10_000;

/** Most S(IFS request) of a card in one exchange. One would do. */
export const MAX_IFSC_CHANGES = 32;

/** Most chained blocks without information in one exchange. They are allowed, and an endless number of them is not. */
export const MAX_EMPTY_BLOCKS = 512;

/** Most times that a card may acknowledge under T=0 where there is nothing left to transfer. */
export const MAX_EMPTY_ACKNOWLEDGEMENTS = 4;
