/** What bin/run.js starts. A build puts the whole program in one file in its place: scripts/bundle.mjs. */
export { main } from './main.js';
