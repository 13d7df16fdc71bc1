import { DEFAULT_TUNING, type GroupTuning } from '../../src/core/config.js'
import type { Bounds } from './model.js'

/** All waits are over at once: the explorer decides when a timer fires, not a clock. */
const TIMELESS: GroupTuning = {
  ...DEFAULT_TUNING,
  batchCount: 1,
  batchBytes: 1,
  resendMs: 0,
  forwardMs: 0,
  suspectMs: 0,
  backOffMs: 0,
  maxBackOffMs: 0,
  learnMs: 0,
  announceMs: 0,
  learnRest: 0,
  chainHistory: 16,
}

const BASE: Bounds = {
  name: 'base',
  nodes: 3,
  tuning: TIMELESS,
  proposals: [1],
  duplicates: 0,
  crashes: 0,
  timers: {},
  maxRound: 2,
  maxInstance: 2,
  maxMessages: 8,
  commitAtOnce: false,
}

function bounds(name: string, changes: Partial<Bounds>): Bounds {
  return { ...BASE, name, ...changes }
}

const W1 = { ...TIMELESS, window: 1 }
const W2 = { ...TIMELESS, window: 2 }

/** Commits with the round that asks for them, and few messages: so that the rest can be wider. */
const QUICK = { commitAtOnce: true, maxMessages: 3 }

/** Finish within a minute in all: they run with every test. */
export const SHORT: readonly Bounds[] = [
  bounds('one proposer, 2 instances, every order of commits', { tuning: W1, maxMessages: 4 }),
  bounds('duel, every order of commits', { tuning: W1, proposals: [1, 2], maxInstance: 1, maxMessages: 4 }),
  bounds('duel, a crash', { tuning: W1, proposals: [1, 2], maxInstance: 1, crashes: 1, ...QUICK, maxMessages: 4 }),
  bounds('duel, a duplicate', {
    tuning: W1,
    proposals: [1, 2],
    maxInstance: 1,
    duplicates: 1,
    ...QUICK,
    maxMessages: 4,
  }),
  bounds('duel, 3 rounds', {
    tuning: W1,
    proposals: [1, 2],
    maxInstance: 1,
    maxRound: 3,
    timers: { 'back-off': 1 },
    ...QUICK,
    maxMessages: 4,
  }),
  bounds('duel, 2 instances', { tuning: W1, proposals: [1, 2], ...QUICK }),
  bounds('W = 2, 3 instances', { tuning: W2, proposals: [1, 1], maxInstance: 3, ...QUICK }),
]

/** Minutes: `npm run explore`. */
export const LONG: readonly Bounds[] = [
  ...SHORT,
  bounds('W = 2, 3 instances, 4 messages', { tuning: W2, proposals: [1, 1], maxInstance: 3, ...QUICK, maxMessages: 4 }),
  bounds('a crash, the tail completed, every order of commits', {
    tuning: W1,
    maxInstance: 1,
    crashes: 1,
    timers: { tail: 1 },
    maxMessages: 3,
  }),
  bounds('two crashes, the tail completed', { tuning: W1, maxInstance: 1, crashes: 2, timers: { tail: 1 }, ...QUICK }),
  bounds('duel, a crash, 6 messages', {
    tuning: W1,
    proposals: [1, 2],
    maxInstance: 1,
    crashes: 1,
    ...QUICK,
    maxMessages: 6,
  }),
  bounds('duel, what is chosen told later', {
    tuning: { ...W1, announceMs: 1 },
    proposals: [1, 2],
    timers: { announce: 2 },
    ...QUICK,
  }),
  bounds('duel, a crash, every order of commits', {
    tuning: W1,
    proposals: [1, 2],
    maxInstance: 1,
    crashes: 1,
    maxMessages: 3,
  }),
  bounds('duel, W = 2', { tuning: W2, proposals: [1, 2], ...QUICK }),
  bounds('duel, two crashes', {
    tuning: W1,
    proposals: [1, 2],
    maxInstance: 1,
    crashes: 2,
    ...QUICK,
    maxMessages: 4,
  }),
  bounds('duel, W = 2, a crash', { tuning: W2, proposals: [1, 2], crashes: 1, ...QUICK, maxMessages: 2 }),
  bounds('duel, W = 2, 3 instances', { tuning: W2, proposals: [1, 1, 2], maxInstance: 3, ...QUICK, maxMessages: 2 }),
  bounds('resent twice', { tuning: W1, timers: { resend: 2 }, ...QUICK, maxMessages: 4 }),
  bounds('duel, two duplicates, 6 messages', {
    tuning: W1,
    proposals: [1, 2],
    maxInstance: 1,
    duplicates: 2,
    ...QUICK,
    maxMessages: 6,
  }),
]
