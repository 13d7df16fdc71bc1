/** What a group may wait for; one timer of each kind. protocol.md, "Timers and suspicion". The order is wire-stable for the host's due bits. */
export const TIMER_KINDS = [
  'resend',
  'forward',
  'suspicion',
  'tail',
  'back-off',
  'learn',
  'read',
  'deadline',
  'announce',
  'learn-rest',
  'repair',
  'fetch',
] as const

export type TimerKind = (typeof TIMER_KINDS)[number]
