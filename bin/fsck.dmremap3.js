#!/usr/bin/env node
import { main } from '../dist/src/fsck/main.js';

await main(process.argv.slice(2));
