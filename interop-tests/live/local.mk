script_tests += %D%/live.test
EXTRA_DIST += \
	%D%/calling.py \
	%D%/demo \
	%D%/harness.py \
	%D%/one_two.py \
	%D%/peers/caller.py \
	%D%/peers/one_two_client.py \
	%D%/peers/one_two_server.py \
	%D%/peers/peer.py \
	%D%/peers/service.py \
	%D%/peers/service_client.py \
	%D%/proxy.py \
	%D%/run.py \
	%D%/serving.py \
	%D%/values.py \
	%D%/vanishing.py
