"""Pages of filings: the register and its vouchers, exports, the outside exchange, past trades."""
