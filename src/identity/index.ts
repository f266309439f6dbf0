/** Who a peer is, and who may take part: keys on disk, peer ids, and the signed membership file. */
export { type EditionChange, nextEdition, revokedMembers } from './edition.ts';
export {
  createIdentity,
  type Identity,
  identityOfSeed,
  loadIdentity,
  newIdentity,
  sign,
  verify,
  writeIdentity,
} from './keys.ts';
export {
  type Expectation,
  isSignatureValid,
  MEMBERSHIP_FORMAT,
  type Member,
  type Membership,
  memberIndices,
  parseMembership,
  signMembership,
  verifyMembership,
} from './membership.ts';
export { peerIdOf, publicKeyOf } from './peer-id.ts';
