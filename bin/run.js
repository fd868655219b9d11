#!/usr/bin/env node
'use strict';

require('../dist/src/cli/program.cjs').main(process.argv.slice(2));
