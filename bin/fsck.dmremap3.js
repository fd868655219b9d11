#!/usr/bin/env node
'use strict';

require('../dist/src/fsck/program.cjs').main(process.argv.slice(2));
