import type { PlantedBug } from './planted-bug.js'
import { SERVING_BUGS } from './serving-bugs.js'
import { STATE_BUGS } from './state-bugs.js'
import { VOTING_BUGS } from './voting-bugs.js'

export const PLANTED_BUGS: readonly PlantedBug[] = [...VOTING_BUGS, ...SERVING_BUGS, ...STATE_BUGS]
