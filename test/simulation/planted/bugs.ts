import type { PlantedBug } from './planted-bug.js'
import { PROTOCOL_BUGS } from './protocol-bugs.js'
import { STATE_BUGS } from './state-bugs.js'

export const PLANTED_BUGS: readonly PlantedBug[] = [...PROTOCOL_BUGS, ...STATE_BUGS]
