#!/usr/bin/env node
import { main } from '../dist/src/fsck/program.js';

await main(process.argv.slice(2));
