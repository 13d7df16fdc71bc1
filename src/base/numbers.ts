/**
 * Flavoured numbers: a plain number may be given where one is wanted, but an instance may not be given for a ballot.
 * Arithmetic yields plain numbers again, so no casts are needed.
 */
type Flavoured<Name extends string> = number & { readonly flavour?: Name }

/** 1..65535, stable for the life of a cluster; the address of a node may change, its id may not. */
export type NodeId = Flavoured<'NodeId'>
/** 0..groupCount-1. */
export type GroupIndex = Flavoured<'GroupIndex'>
/** A slot of a group's log, from 1 without gaps; 0 stands for "before the first". */
export type Instance = Flavoured<'Instance'>
/** `round * 65536 + nodeId`; 0 is below every ballot. */
export type Ballot = Flavoured<'Ballot'>
/** The instance of the last executed membership change; 0 is the genesis. */
export type MembershipVersion = Flavoured<'MembershipVersion'>
/** Milliseconds of the monotonic clock of this process. */
export type Millis = Flavoured<'Millis'>
