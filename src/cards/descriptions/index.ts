// SPDX-License-Identifier: MIT

export type { CertifiedKey } from "../crypto/index.ts";
export type { NewKey, NewSecrets } from "./application-kind.ts";
export { applicationKinds } from "./application-kinds.ts";
export { type CardKindName, cardDescription, newCard, parseCard } from "./card-kinds.ts";
export type { CardPlan, CardSurroundings, Keep } from "./card-plan.ts";
export { SavedCard } from "./saved-card.ts";
